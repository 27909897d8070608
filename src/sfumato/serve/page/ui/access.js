// What stands between the page and the server: its absence, and the token that it may want.
import { html, useState, useStore } from "../h.js";
import { connection, signIn } from "../api.js";
import { Dialog } from "./dialog.js";

export function Connection() {
  const online = useStore(connection, (value) => value.online);
  return html`<div role="alert">
    ${online ? null : html`<p class="gone">The server does not answer. What you typed is kept; this page goes on when it is back.</p>`}
  </div>`;
}

export function Token() {
  const locked = useStore(connection, (value) => value.locked);
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  const enter = async (event) => {
    event.preventDefault();
    try {
      await signIn(token.trim());
      setToken("");
      setProblem("");
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<${Dialog} title="A token, please" open=${locked} onClose=${() => connection.set({ locked: false })}>
    <form class="token" onSubmit=${enter}>
      <p>This server draws for those who bring a token. Ask whoever runs it.</p>
      <label>Token <input type="password" autocomplete="current-password" required value=${token}
        onInput=${(event) => setToken(event.currentTarget.value)} /></label>
      ${problem ? html`<p class="error" role="alert">${problem}</p>` : null}
      <button class="primary">Enter</button>
    </form>
  <//>`;
}
