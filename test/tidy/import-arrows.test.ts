// Imports run one way. Reads every import and fails on an arrow that is not listed here, with its reason.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Import, readImports, sourceFiles } from './read-imports.ts';

const FOLDERS = ['ingest', 'analytics', 'cli', 'web'];

const parts = ['ingest', 'analytics/store', 'analytics/decode', 'analytics', 'cli', 'web/api', 'web/ui'] as const;
type Part = (typeof parts)[number];

// From a part to others; to itself is always allowed. The first part that a path begins with is its part.
const allowed: Record<Part, readonly Part[]> = {
  ingest: ['analytics/store', 'analytics/decode'], // a loader stages and decodes
  'analytics/store': ['analytics/decode'], // the schema holds the decoders' reference tables
  'analytics/decode': ['analytics/store'],
  analytics: ['analytics/store', 'analytics/decode'],
  cli: ['ingest', 'analytics', 'analytics/store', 'analytics/decode', 'web/api'], // `up` serves the page
  'web/api': ['ingest', 'analytics', 'analytics/store', 'analytics/decode'],
  'web/ui': [], // the types of web/api, see below
};

const partOf = (path: string): Part | undefined => parts.find((part) => path.startsWith(`${part}/`));

function mistakes(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to, typeOnly }) => {
      const [a, b] = [partOf(from), partOf(to)];
      if (!isForTests(from) && isForTests(to)) return true;
      // a test beside the source may use what all tests share
      if (isForTests(from) && to.startsWith('test/support/')) return false;
      if (a === 'web/ui' && to === 'web/api/types.ts' && typeOnly) return false;
      if (a === undefined || b === undefined) return true;
      return a !== b && !allowed[a].includes(b);
    })
    .map(({ from, to }) => `${from} -> ${to}`);
}

const isForTests = (path: string) => /\.(test|bench|fixture)\.tsx?$|\/test-support\/|\/testing\.ts$|^test\//.test(path);

describe('imports', () => {
  const imports = readImports('.', sourceFiles('.', FOLDERS));

  it('were seen in every folder', () => {
    for (const part of parts)
      expect(imports.filter(({ from }) => partOf(from) === part).length, part).toBeGreaterThan(2);
    expect(imports.length).toBeGreaterThan(200);
    expect(imports).toContainEqual({ from: 'cli/commands/ingest.ts', to: 'ingest/import.ts', typeOnly: false });
    expect(imports.some(({ from, typeOnly }) => from.startsWith('web/ui/') && typeOnly)).toBe(true);
  });

  it('run only where the design lets them', () => {
    expect(mistakes(imports)).toEqual([]);
  });

  it('that run the wrong way are found, however they are written', () => {
    const root = mkdtempSync(join(tmpdir(), 'vestige-arrows-'));
    afterAll(() => rmSync(root, { recursive: true, force: true }));
    const plant: Record<string, string> = {
      'analytics/store/a.ts': "import { x } from '../../ingest/import.ts';",
      'analytics/b.ts': "import type { X } from '../cli/context.ts';",
      'analytics/c.ts': "export * from '../web/api/types.ts';",
      'ingest/d.ts': "const x = await import('../cli/main.ts');",
      'ingest/e.ts': "import {\n  a,\n  b,\n} from '../analytics/queries/events.ts';",
      'cli/f.ts': "import '../web/ui/main.tsx';",
      'web/api/g.ts': "import { h } from '../ui/h.ts';",
      'web/ui/h.tsx': "import { values } from '../api/types.ts';",
      'web/ui/i.ts': "import type { Store } from '../../analytics/store/store.ts';",
      'ingest/j.ts': "import { help } from '../test/support/help.ts';",
      'cli/k.ts': "import { fill } from './test-support/fill.ts';",
      'web/ui/fine.ts':
        "import type { Values } from '../api/types.ts';\nimport { h } from './h.tsx';\nimport { z } from 'zod';",
      'cli/fine.ts': "// import { x } from '../web/ui/x.ts'\nimport { y } from '../analytics/store/store.ts';",
    };
    for (const [path, text] of Object.entries(plant)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const found = mistakes(readImports(root, sourceFiles(root, FOLDERS))).map((m) => m.split(' ')[0]);
    expect(found.sort()).toEqual(
      Object.keys(plant)
        .filter((path) => !path.includes('fine'))
        .sort(),
    );
  });
});
