// YAML for those who load it only when they are given some: the library is CommonJS, of which a bundle's `import()` gives no names.
import { parse } from 'yaml';

export const parseYaml = (text: string): unknown => parse(text);
