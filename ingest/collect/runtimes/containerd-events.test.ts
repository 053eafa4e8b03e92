// Events of containerd as records: what is not understood is kept.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../frame/recognise.ts';
import { type Envelope, eventCodec } from './containerd-api.ts';
import { eventOf } from './containerd-events.ts';

const timestamp = { seconds: '1795439398', nanos: 5 };
const envelope = (topic: string, type_url: string, value?: Buffer): Envelope => ({
  timestamp,
  namespace: 'k8s.io',
  topic,
  event: { type_url, ...(value && { value }) },
});
const recordOf = (event: Envelope) => {
  const { json } = eventOf(event);
  expect(recognise(Buffer.from(json))).toBe('containerd-json');
  return JSON.parse(json);
};
const start = eventCodec('containerd.events.TaskStart')?.encode({ container_id: 'c1', pid: 7 }) ?? Buffer.alloc(0);
const LATER_FIELD = Buffer.from([0x7a, 0x03, 0x6e, 0x65, 0x77]); // field 15, text "new"

describe('an event', () => {
  it('is its body, with nanoseconds, whatever stands before the name of its type', () => {
    const expected = {
      timestamp: '2026-11-23T13:09:58.000000005Z',
      namespace: 'k8s.io',
      topic: '/tasks/start',
      event: { container_id: 'c1', pid: 7 },
    };
    for (const prefix of ['', 'types.containerd.io/', 'type.googleapis.com/'])
      expect(recordOf(envelope('/tasks/start', `${prefix}containerd.events.TaskStart`, start))).toEqual(expected);
  });

  it('keeps all of its bytes where a later containerd tells more', () => {
    const bytes = Buffer.concat([start, LATER_FIELD]);
    expect(recordOf(envelope('/tasks/start', 'containerd.events.TaskStart', bytes))).toMatchObject({
      event: { container_id: 'c1', pid: 7 },
      event_bytes: bytes.toString('base64'),
    });
  });

  it.each([
    ['cut off', Buffer.from([0x0a, 0x7f, 0x61])],
    ['not in UTF-8', Buffer.from([0x0a, 0x02, 0x61, 0xff])],
  ])('keeps all of its bytes where text is %s', (_, bytes) => {
    const record = recordOf(envelope('/tasks/start', 'containerd.events.TaskStart', bytes));
    expect(record.event_bytes).toBe(bytes.toString('base64'));
  });

  it.each([
    ['of an unknown type', 'example.Event', Buffer.from([1, 2, 3])],
    ['named like a property of every object', 'constructor', Buffer.from([1])],
    ['named like a service', 'containerd.services.images.v1.Images', Buffer.from([1])],
    ['that is no message of its type', 'containerd.events.TaskStart', Buffer.from([0x0f])],
  ])('%s keeps its type and its bytes', (_, type_url, value) => {
    const { event } = recordOf(envelope('/x/y', type_url, value));
    expect(event).toEqual({ type_url, value: value.toString('base64') });
  });

  it('without a body, or a time that is none, is a record too', () => {
    expect(recordOf({ timestamp, namespace: 'a', topic: '/x' }).event).toEqual({ type_url: '' });
    expect(JSON.parse(eventOf({ topic: '/x', timestamp: { seconds: '9223372036854775807' } }).json)).not.toHaveProperty(
      'timestamp',
    );
  });

  it('has labels in one order, whatever order containerd sends them in', () => {
    const codec = eventCodec('containerd.events.ContainerUpdate');
    const of = (labels: object) =>
      eventOf(envelope('/containers/update', 'containerd.events.ContainerUpdate', codec?.encode({ id: 'c', labels })))
        .json;
    expect(of({ b: '1', a: '2' })).toBe(of({ a: '2', b: '1' }));
  });

  it('keeps a label that a plain object cannot hold', () => {
    const labels = Buffer.from([0x1a, 0x0e, 0x0a, 0x09, ...Buffer.from('__proto__'), 0x12, 0x01, 0x78]);
    const record = recordOf(envelope('/containers/update', 'containerd.events.ContainerUpdate', labels));
    expect(record.event_bytes ?? JSON.stringify(record.event)).toMatch(/__proto__|Gg4KCV9fcHJvdG9fXxIBeA==/);
  });
});
