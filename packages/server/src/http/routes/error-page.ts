import { createHash } from 'node:crypto';
import type { Failure } from '../../domain/failure.ts';
import { type ErrorReply, errorReply } from '../../wire/error-reply.ts';
import { escapeHtml } from '../escape-html.ts';

/** The only rules of the page: they are few, and need no second request. The colours are those of the browser, light and dark. */
const style = `
:root { color-scheme: light dark; font: 14px/1.55 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; padding: 20px; box-sizing: border-box }
main { width: min(360px, 100%) }
h1 { margin: 0; font-size: 20px }
p { margin: 10px 0 0; overflow-wrap: anywhere }
.code { font: 12px ui-monospace, monospace }
a { color: inherit }
`;

/** The page runs nothing, loads nothing, and no other page shows it in a frame. */
export const errorPageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
};

/** A failed sign-in for a person whose browser has been led here: no page of ours runs that could show the envelope. */
export function errorPage(reason: Failure, requestId: string): ErrorReply {
  const { status, headers } = errorReply(reason);
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not signed in – Tailrace</title>
<style>${style}</style>
<main>
<h1>Not signed in</h1>
<p role="alert">${escapeHtml(reason.message)}</p>
<p class="code"><a href="/docs/errors/${escapeHtml(reason.code)}">${escapeHtml(reason.code)}</a> · ${escapeHtml(requestId)}</p>
<p><a href="/">Back to sign in</a></p>
</main>
`;
  return { status, headers, body };
}
