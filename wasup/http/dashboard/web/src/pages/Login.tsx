/** The way in: an API key, once; from then on the browser has a cookie. */

import { useEffect, useRef } from "preact/hooks";
import { Field } from "../components/Field";
import { Form, textOf } from "../components/Form";
import { signIn } from "../state/session";

export function Login() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · wasup";
    input.current?.focus();
  }, []);
  return (
    <main class="alone">
      <section class="card login" aria-labelledby="login-title">
        <img src="/dashboard/icon.svg" alt="" width="48" height="48" />
        <h1 id="login-title">Sign in to wasup</h1>
        <Form action="Sign in" label="Sign in" onSubmit={(data) => signIn(textOf(data, "key") ?? "")}>
          <Field label="API key">
            <input
              ref={input}
              name="key"
              type="password"
              class="mono"
              placeholder="wsp_…"
              autoComplete="current-password"
              spellcheck={false}
              required
            />
          </Field>
        </Form>
        <details>
          <summary>Where do I find my key?</summary>
          <p>
            wasup makes two keys when it is first started and prints where it keeps them: <code>data/api-key</code> for
            one workspace, <code>data/admin-key</code> for everything. Show one with
          </p>
          <pre>
            <code>cat data/admin-key</code>
          </pre>
          <p>
            Others can be made on the Settings page, or with <code>POST /api/keys</code>. The key is not kept in this
            browser: it is exchanged for a session that ends when the key is revoked.
          </p>
        </details>
      </section>
    </main>
  );
}
