// When there is nothing to draw: what to do about it.
export function Empty({ title, text, command }: { title: string; text: string; command?: string }) {
  return (
    <main class="empty">
      <h1>{title}</h1>
      <p>{text}</p>
      {command && <pre>{command}</pre>}
    </main>
  );
}
