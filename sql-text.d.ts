// SQL files are imported as text: the bundler and the test runner both turn them into a string (text-modules.ts).
declare module '*.sql' {
  const text: string;
  export default text;
}
