// The raw record: its bytes as received, what was decoded from them, how they came. Written by attackers: text nodes
// only, never markup.
import { useEffect, useState } from 'preact/hooks';
import type { RawRecord } from '../../api/types.ts';
import { bytesOf, setOut, sha256Hex, textOf } from '../data/record-bytes.ts';
import { visible } from '../data/visible.ts';
import { useAnswer } from './use-answer.ts';

export function RecordPanel({ digest, onClose }: { digest: string; onClose: () => void }) {
  const { value: record, error } = useAnswer<RawRecord>(`records/${digest}`);
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === 'Escape') onClose();
    };
    addEventListener('keydown', close);
    return () => removeEventListener('keydown', close);
  }, [onClose]);
  return (
    <section class="record" aria-label="Raw record" aria-busy={!record && !error}>
      <header>
        <h2>Raw record</h2>
        <code class="digest">{digest}</code>
        <Copy text={digest} what="digest" />
        {record && <DigestCheck record={record} />}
        <button type="button" class="close" onClick={onClose} aria-label="Close the record">
          ×
        </button>
      </header>
      {error && <p class="error">{error.message}</p>}
      {record && <RecordBody record={record} />}
    </section>
  );
}

function RecordBody({ record }: { record: RawRecord }) {
  const [formatted, setFormatted] = useState(false);
  const text = textOf(record);
  const isJson = text.startsWith('{');
  return (
    <div class="body">
      <div class="raw">
        <h3>
          {formatted ? 'Set out for reading' : 'As received'}
          <span class="quiet">
            {record.bytes.toLocaleString('en')} bytes{record.lines > 1 ? `, ${record.lines} lines` : ''}
            {record.raw === null ? ', not UTF-8' : ''}
          </span>
          {isJson && (
            <button type="button" aria-pressed={formatted} onClick={() => setFormatted(!formatted)}>
              {formatted ? 'As received' : 'Set out'}
            </button>
          )}
          <Copy text={text} what="text" />
        </h3>
        <pre data-raw={formatted ? undefined : ''}>{visible(formatted ? setOut(text) : text)}</pre>
      </div>
      <div class="meaning">
        <h3>Decoded</h3>
        {record.decoded ? (
          <Fields fields={record.decoded} />
        ) : (
          <p class="quiet">
            {record.dead_letter
              ? visible(`Not decoded: ${record.dead_letter.reason}. ${record.dead_letter.detail}`)
              : 'No typed row.'}
          </p>
        )}
        <h3>Envelope</h3>
        <Fields fields={envelopeOf(record)} />
      </div>
    </div>
  );
}

function envelopeOf(record: RawRecord): Record<string, unknown> {
  const [first, ...later] = record.receipts;
  return {
    source: record.source,
    format: record.format,
    cluster: record.cluster,
    node: record.node,
    event_time: record.event_time,
    event_key: record.event_key,
    boot_id: record.boot_id,
    collector: first?.collector,
    received_at: first?.received_at,
    stream: first?.stream,
    position: first?.position,
    ...(later.length > 0 ? { later_receipts: later.length } : {}),
  };
}

function Fields({ fields }: { fields: Record<string, unknown> }) {
  return (
    <dl>
      {Object.entries(fields)
        .filter(([, value]) => value !== '' && value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{visible(wordsOf(value))}</dd>
          </div>
        ))}
    </dl>
  );
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join('  ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The digest computed anew from the bytes that are shown. */
function DigestCheck({ record }: { record: RawRecord }) {
  const [computed, setComputed] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    sha256Hex(bytesOf(record)).then((hash) => {
      if (current) setComputed(hash);
    });
    return () => {
      current = false;
    };
  }, [record]);
  if (computed === null) return null;
  const matches = computed === record.digest;
  return (
    <span class={`check ${matches ? 'good' : 'bad'}`} role="status">
      {matches ? '✓ SHA-256 of these bytes' : `✗ these bytes hash to ${computed}`}
    </span>
  );
}

function Copy({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setSaid(true);
    setTimeout(() => setSaid(false), 1500);
  };
  return (
    <button type="button" class="copy" onClick={() => void copy()} aria-label={`Copy the ${what}`}>
      {said ? 'copied' : 'copy'}
    </button>
  );
}
