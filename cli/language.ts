// The language of titles and descriptions, where there are two of them.
import { type Command, Option } from 'commander';

const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

export const addLanguage = (command: Command): Command =>
  command.addOption(
    new Option('--lang <language>', 'of titles and descriptions of rules').choices(LANGUAGES).default('en'),
  );
