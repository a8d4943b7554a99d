import type { ConsentDescription } from "@cloudflare/workers-oauth-provider";
import { permissions } from "./env";
import { escape, safeUrl } from "./security";

interface Consent {
  details: ConsentDescription;
  /** What the form gives back, by which the server knows the request. */
  handle: string;
  user: { name: string } | undefined;
}

/** Which app asks, where access goes, what for: and the user decides. */
export function consentPage({ details, handle, user }: Consent): string {
  const name = escape(details.clientName);
  const scopes = details.scope.filter((scope) => scope in permissions);
  const logo = safeUrl(details.logoUri);
  const icon = logo
    ? `<img src="${escape(logo)}" alt="" referrerpolicy="no-referrer">`
    : escape(initialOf(details.clientName));
  return page(
    `${name} asks for access`,
    `<form method="post" action="/authorize">
      <input type="hidden" name="handle" value="${escape(handle)}">
      <div class="icons" aria-hidden="true">
        <span class="icon app">${icon}</span><span class="dots"></span><span class="icon own">${notebook}</span>
      </div>
      <h1><span class="name">${name}</span> would like to use your notebook</h1>
      <p class="origin">${
        details.clientDomain
          ? `Published by <strong>${escape(details.clientDomain)}</strong>.`
          : "This app has registered itself. Its name is not verified."
      } Access goes to <strong>${escape(details.redirectHost)}</strong>.</p>
      ${
        details.redirectIsLoopback
          ? `<p class="warning">${shield}<span>Access goes to a program <strong>on this computer</strong>. Go on only if you have just
        started to sign in there.</span></p>`
          : ""
      }
      <fieldset>
        <legend>If you allow it, it may</legend>
        ${scopes.map((scope) => permission(scope)).join("")}
      </fieldset>
      ${
        user
          ? `<p class="user">Signed in as <strong>${escape(user.name)}</strong></p>`
          : `<label class="field">Your name<input name="name" required maxlength="60" autocomplete="name" autofocus></label>`
      }
      <div class="buttons">
        <button name="decision" value="deny" class="quiet" formnovalidate>Deny</button>
        <button name="decision" value="allow">Allow</button>
      </div>
    </form>`
  );
}

/** What went wrong, for somebody who cannot be sent back. */
export const errorPage = (message: string): string =>
  page(
    "This did not work",
    `<div class="icons" aria-hidden="true"><span class="icon own">${notebook}</span></div>
    <h1>This did not work</h1>
    <p class="origin">${escape(message)}</p>
    <p class="origin">Nobody was given access. Go back to the app, and sign in again.</p>`
  );

const permission = (scope: string) =>
  `<label class="permission"><input type="checkbox" name="scope" value="${escape(scope)}" checked>${escape(permissions[scope]!)}</label>`;

const initialOf = (name: string) => Array.from(name.trim())[0]?.toUpperCase() ?? "?";

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title}</title>
  <style>${styles}</style>
</head>
<body><main>${body}</main></body>
</html>`;

const notebook = `<svg viewBox="0 0 24 24" width="26" height="26" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"><path d="M6 3h11a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H6z"/><path d="M9.5 3v18M4 7.5h3M4 12h3M4 16.5h3M13 8h3"/></svg>`;
const shield = `<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 3 5 6v5c0 4.5 3 8.3 7 10 4-1.7 7-5.5 7-10V6z"/><path d="M12 8.5v4.5M12 16.200v.1"/></svg>`;

const styles = `
  :root {
    --page: #f3f4f7; --card: #fff; --text: #171a21; --quiet: #596273; --line: #dfe3ea; --field: #8791a3;
    --accent: #2f5bea; --on-accent: #fff; --warning: #fff6e0; --on-warning: #6b4a00; --app: #ece9fd; --on-app: #4a35b8;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #0f1115; --card: #191c23; --text: #eef0f5; --quiet: #a3acbd; --line: #2e333e; --field: #6d7789;
      --accent: #7d9bff; --on-accent: #0c1330; --warning: #322708; --on-warning: #f4d58a; --app: #2b2650; --on-app: #c9bfff;
    }
  }
  * { box-sizing: border-box; }
  body {
    margin: 0; min-height: 100dvh; display: grid; place-items: center; padding: 24px 16px;
    background: var(--page); color: var(--text);
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  }
  main {
    width: 100%; max-width: 420px; padding: 32px; background: var(--card); border: 1px solid var(--line); border-radius: 16px;
    box-shadow: 0 1px 2px rgb(0 0 0 / 4%), 0 12px 32px rgb(0 0 0 / 8%); overflow-wrap: anywhere;
  }
  .icons { display: flex; align-items: center; justify-content: center; gap: 12px; }
  .icon { display: grid; place-items: center; width: 52px; height: 52px; border-radius: 14px; overflow: hidden; font-size: 22px; font-weight: 600; }
  .icon img { width: 100%; height: 100%; object-fit: cover; }
  .app { background: var(--app); color: var(--on-app); }
  .own { background: var(--accent); color: var(--on-accent); }
  .dots { width: 36px; border-top: 3px dotted var(--line); }
  h1 { margin: 20px 0 8px; font-size: 21px; line-height: 1.3; font-weight: 600; text-align: center; text-wrap: balance; }
  .name { color: var(--accent); }
  p { margin: 0; }
  .origin { color: var(--quiet); font-size: 14px; text-align: center; text-wrap: pretty; }
  .origin + .origin { margin-top: 8px; }
  .origin strong { color: var(--text); font-weight: 600; }
  .warning {
    display: flex; gap: 10px; margin-top: 16px; padding: 12px 14px; border-radius: 10px; font-size: 14px;
    background: var(--warning); color: var(--on-warning);
  }
  .warning svg { flex: none; margin-top: 1px; }
  fieldset { margin: 20px 0 0; padding: 0; border: 0; }
  legend, .field { padding: 0; font-size: 14px; font-weight: 600; }
  .permission {
    display: flex; align-items: center; gap: 12px; margin-top: 8px; padding: 11px 14px; border: 1px solid var(--line);
    border-radius: 10px; cursor: pointer;
  }
  .permission:has(:checked) { border-color: var(--accent); }
  [type="checkbox"] { width: 18px; height: 18px; margin: 0; accent-color: var(--accent); }
  .field { display: block; margin-top: 20px; }
  .field input {
    display: block; width: 100%; margin-top: 6px; padding: 11px 14px; border: 1px solid var(--field); border-radius: 10px;
    background: var(--card); color: var(--text); font: inherit; font-size: 16px; font-weight: 400;
  }
  .user { margin-top: 20px; color: var(--quiet); font-size: 14px; }
  .user strong { color: var(--text); }
  .buttons { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; margin-top: 24px; }
  button {
    padding: 12px 16px; border: 1px solid var(--accent); border-radius: 10px; background: var(--accent); color: var(--on-accent);
    font: inherit; font-weight: 600; cursor: pointer;
  }
  button.quiet { border-color: var(--line); background: none; color: var(--text); }
  button:hover { filter: brightness(0.95); }
  :focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 45%, transparent); outline-offset: 2px; }
  @media (max-width: 440px) { main { padding: 24px 20px; } }
`;
