// Sentences are read aloud, pasted into tickets and sent on: what opens a door does not stand in them. The record has it, and `vestige record` shows it.

const MASK = '***';
// not what names where a secret is: $TOKEN, $(cat ...), file:PATH, @PATH
const VALUE = String.raw`(?!["']?(?:\$|@|file:|env:|fd:|stdin|/))[^\s"'&;|…]+`;
// Every repetition that could begin anew within itself has a bound: a command line may be hostile, and long.
const SECRETS: readonly [RegExp, string][] = [
  // a JSON web token, or the beginning of one that was cut short
  [/\beyJ[\w-]{3,}(?:\.[\w-]*){0,4}/g, MASK],
  [new RegExp(String.raw`\b(Bearer|Basic)(\s+)${VALUE}`, 'gi'), `$1$2${MASK}`],
  [/(\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s:/@]{0,200}:)[^\s/@]{1,500}(?=@)/gi, `$1${MASK}`],
  // --password X, --token=X, -pass pass:X
  [
    new RegExp(
      String.raw`(\s--?(?:pass(?:word|wd|phrase)?|token|secret|api-?key|requirepass)(?:=|\s+)["']?)${VALUE}`,
      'gi',
    ),
    `$1${MASK}`,
  ],
  // PGPASSWORD=X, aws_secret_access_key=X
  [
    new RegExp(String.raw`\b(\w{0,64}(?:passwor|passwd|pwd|secret|token|apikey|api_key)\w{0,64}=["']?)${VALUE}`, 'gi'),
    `$1${MASK}`,
  ],
];

/** The same text with passwords, tokens and keys of commands and addresses masked. */
export const maskSecrets = (text: string): string =>
  SECRETS.reduce((masked, [pattern, by]) => masked.replace(pattern, by), text);
