// Lists and documents of many lines are told from lines of single events by the first bytes.
import { describe, expect, it } from 'vitest';
import { detectList, isListLine, peek } from './json-layout.ts';

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
    ['a line cut short, then lines', `{"auditID":"half","stage":\n${event}\n`],
    ['a line cut short in a list, then lines', `{"auditID":"half","sourceIPs":["a",\n${event}\n`],
    ['a list cut short, then lists', `[{"auditID":"half",\n[${event}]\n`],
    ['an EventList cut short in an item, then another', `{"items":[{"auditID":"half",\n{"items":[${event}]}\n`],
    ['a string with a newline', '{"a":"\n"}'],
  ])('of %s is cut into lines', (_, text) => {
    expect(list(text)).toBe(false);
  });
});

describe('a stream', () => {
  it.each([
    ['an array', '[\n{"a":1}\n]\n', true],
    ['an event over many lines', '{\n "auditID": "a"\n}\n', true],
    ['events', `{"auditID":"a"}\n${event}\n`, false],
    ['a line cut short, then lines', `{"auditID":\n{"auditID":"a"}\n`, false],
    ['half a line', '{"auditID":', false],
    ['nothing', '', false],
  ])('of %s is told whatever chunks it comes in, and loses no byte', async (_, text, isList) => {
    for (const bytes of [1, 2, 3, 100]) {
      const chunks = (async function* () {
        const buffer = Buffer.alloc(bytes); // written over, as a file is read
        for (let at = 0; at < text.length; at += bytes)
          yield buffer.fill(0).subarray(0, buffer.write(text.slice(at, at + bytes)));
      })();
      const told = await peek(chunks);
      expect(told.isList).toBe(isList);
      const all: Buffer[] = [];
      for await (const chunk of told.all) all.push(Buffer.from(chunk));
      expect(Buffer.concat(all).toString()).toBe(text);
    }
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
