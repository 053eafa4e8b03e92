// What every request passes first. The API has no password: it is for the person at this machine, so it must answer
// nobody else. A name that resolves to loopback (DNS rebinding) is refused by the Host header; other pages of the
// browser are kept out by the same-origin policy and by these headers. Record bytes are written by attackers.
import type { MiddlewareHandler } from 'hono';
import type { ApiError } from './types.ts';

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ');

export const guard: MiddlewareHandler = async (context, next) => {
  const host = (context.req.header('host') ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!loopbackNames.has(host)) {
    return context.json(problem('forbidden', 'this page answers on its loopback address only'), 403);
  }
  if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
    return context.json(problem('bad-request', 'only GET is answered here'), 405);
  }
  await next();
  context.header('content-security-policy', CONTENT_SECURITY_POLICY);
  context.header('x-content-type-options', 'nosniff');
  context.header('cross-origin-resource-policy', 'same-origin');
  context.header('cross-origin-opener-policy', 'same-origin');
  context.header('referrer-policy', 'no-referrer');
  context.header('x-frame-options', 'DENY');
  if (context.req.path.startsWith('/api/')) context.header('cache-control', 'no-store');
  return undefined;
};

export function problem(code: ApiError['error']['code'], message: string): ApiError {
  return { error: { code, message } };
}
