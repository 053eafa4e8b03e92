// Lists and documents of many lines are told from lines of single events by the first bytes.
import { describe, expect, it } from 'vitest';
import { detectList, isListLine } from './json-layout.ts';

const event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","requestObject":{"items":[${'1,'.repeat(2000)}1]}}`;
const list = (text: string) => detectList(Buffer.from(text));
const line = (text: string) => isListLine(Buffer.from(text));

describe('a log', () => {
  it.each([
    ['an array, an item a line', `[\n${event},\n${event}\n]\n`],
    ['an array that begins with an item', `[${event},\n${event}]\n`],
    ['an EventList with an item a line', `{"kind":"EventList","items":[${event},\n${event}]}`],
    ['a list over many lines', JSON.stringify({ kind: 'EventList', items: [{}] }, undefined, 2)],
    ['an event over many lines', JSON.stringify({ kind: 'Event', auditID: 'a' }, undefined, 2)],
    ['blanks and a byte order mark first', `\u{feff}\r\n {\r\n"a": 1}`],
  ])('of %s is cut into items', (_, text) => {
    expect(list(text)).toBe(true);
  });

  it.each([
    ['events', `${event}\n${event}\n`],
    ['lists, each in its line', `{"kind":"EventList","items":[${event}]}\n`],
    ['arrays, each in its line', `[${event}]\n[${event}]\n`],
    ['auditd', 'type=SYSCALL msg=audit(1.1:1): {\n'],
    ['nothing', ''],
    ['one list in one line of which the end is not seen', `{"items":[${event},`],
    ['a string with a newline', '{"a":"\n"}'],
  ])('of %s is cut into lines', (_, text) => {
    expect(list(text)).toBe(false);
  });
});

describe('a line', () => {
  it.each([
    ['an array', '[{}]'],
    ['an EventList', '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[{}]}'],
    [
      'a CloudWatch subscription',
      '{"messageType":"DATA_MESSAGE","owner":"1","subscriptionFilters":["f"],"logEvents":[{}]}',
    ],
    ['records', '{ "records" : [] }'],
  ])('with %s is a list', (_, text) => expect(line(text)).toBe(true));

  it.each([
    ['an event', event],
    ['an event whose body is first', '{"requestObject":{"items":[1]},"kind":"Event","auditID":"a"}'],
    ['an event that quotes a list', '{"a":"\\"items\\":[","auditID":"a"}'],
    ['an event of LAUREL', '{"ID":"1.1:1","SYSCALL":{"items":2}}'],
    ['no JSON', '"items":[1]'],
  ])('with %s is none', (_, text) => expect(line(text)).toBe(false));
});
