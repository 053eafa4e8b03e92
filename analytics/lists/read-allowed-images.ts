// Where images may come from, as users write it: YAML, a list of patterns that hold everywhere or of entries for namespaces.
//
//   - registry.example/*
//   - namespace: kube-system
//     images: [registry.k8s.io/*, docker.io/library/busybox]
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

export interface AllowedImage {
  /** With * and ?. */
  namespace: string;
  /** Reference or repository, its registry written out. */
  pattern: string;
}

const word = z.string().trim().min(1).regex(/^\S+$/, 'a pattern has no space in it');
const words = z.union([word, z.array(word).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]));
const Entry = z.union([word, z.strictObject({ namespace: words.optional(), images: words })]);

export interface ReadAllowedImages {
  allowed: AllowedImage[];
  problems: { line: number; detail: string }[];
}

export function readAllowedImages(text: string): ReadAllowedImages {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error)
    return {
      allowed: [],
      problems: [{ line: error.linePos?.[0].line ?? 1, detail: error.message.split('\n')[0] ?? '' }],
    };
  const content: unknown = document.toJS();
  const read: ReadAllowedImages = { allowed: [], problems: [] };
  for (const [i, entry] of (Array.isArray(content) ? content : content === null ? [] : [content]).entries()) {
    const parsed = Entry.safeParse(entry);
    if (!parsed.success) {
      const node = document.getIn([i], true) as { range?: [number, number, number] } | undefined;
      const line = node?.range ? lines.linePos(node.range[0]).line : 1;
      read.problems.push({
        line,
        detail: `neither a pattern nor {namespace, images}: ${JSON.stringify(entry)?.slice(0, 100)}`,
      });
      continue;
    }
    const { namespace = ['*'], images } = typeof parsed.data === 'string' ? { images: [parsed.data] } : parsed.data;
    read.allowed.push(
      ...namespace.flatMap((of) => images.map((image) => ({ namespace: of, pattern: patternOf(image) }))),
    );
  }
  return read;
}

/** As runtimes read names: what has no registry is Docker Hub's, one word there is of its library; a registry alone is all it has. */
function patternOf(image: string): string {
  const [host = '', ...rest] = image.split('/');
  if (rest.length === 0) {
    // busybox:1 is an image, registry.example:5000 is where images are
    const isRegistry = /[.*]/.test(host.split(':')[0] ?? '') || host.startsWith('localhost');
    return isRegistry ? (host.endsWith('*') ? host : `${host}/*`) : `docker.io/library/${image}`;
  }
  return /[.:*]/.test(host) || host === 'localhost' ? image : `docker.io/${image}`;
}
