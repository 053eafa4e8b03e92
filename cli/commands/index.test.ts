import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { registerCommands } from './index.ts';

const namesOf = async (...args: string[]): Promise<string[]> => {
  const program = new Command();
  await registerCommands(args, program, {} as Context);
  return program.commands.map((command) => command.name());
};

describe('the list of commands', () => {
  it('loads what the arguments name, and by that name', async () => {
    for (const name of await namesOf())
      expect(await namesOf('--store', 'embedded:x', name, '--limit', '1')).toEqual([name]);
  });

  it('loads all of them for the help, and for a name that is misspelt', async () => {
    const all = await namesOf('--help');
    expect(all.length).toBeGreaterThan(25);
    expect(await namesOf('colect', '--to', 'x')).toEqual(all);
  });
});
