// The server, as functions. An answer that is an error becomes an ApiError, whose message says the way out.
import { store } from "./h.js";
import { read, write } from "./json.js";

export class ApiError extends Error {
  constructor(message, { status = 0, type = "", param = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, type, param, retryAfter });
  }
}

const GONE = "The server does not answer. What you typed is kept; start it again with: sfumato serve";
const SILENCE = 30_000; // three keep-alives of the server

// `online`: whether the server answered last; `locked`: whether it wants a token first.
export const connection = store({ online: true, locked: false });

let returning = null;
let admitted = null;

// Resolves when the server answers again, asking it less and less often.
export function back() {
  returning ??= (async () => {
    for (let wait = 300; ; wait = Math.min(wait * 1.5, 5_000)) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        const answer = await fetch("/v1/health", { cache: "no-store" });
        if (answer.status < 500) break;
      } catch {
        connection.set({ online: false });
      }
    }
    returning = null;
    connection.set({ online: true });
  })();
  return returning;
}

export async function signIn(token) {
  await once("POST", "/v1/session", { body: { token } });
  connection.set({ locked: false });
  admitted?.resolve();
  admitted = null;
}

function admission() {
  if (!admitted) {
    admitted = Promise.withResolvers();
    connection.set({ locked: true });
  }
  return admitted.promise;
}

async function refusal(answer) {
  const details = { status: answer.status, retryAfter: Number(answer.headers.get("Retry-After")) || null };
  try {
    const { error } = read(await answer.text());
    return new ApiError(error.message, { ...details, type: error.type, param: error.param });
  } catch {
    return new ApiError(`The server answered ${answer.status} without saying why.`, details);
  }
}

async function once(method, path, { body, headers = {}, signal } = {}) {
  const form = body instanceof FormData;
  const asked = { method, signal, headers: { ...headers }, cache: "no-store" };
  if (body !== undefined) {
    asked.body = form ? body : write(body);
    if (!form) asked.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, asked);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connection.set({ online: false });
    back();
    throw new ApiError(GONE, { type: "gone" });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

// As `once`; where the server wants a token, it is asked for and the question is put again.
async function request(method, path, options) {
  for (;;) {
    try {
      return await once(method, path, options);
    } catch (error) {
      if (error.status !== 401) throw error;
      await admission();
    }
  }
}

const json = async (answer) => (answer.status === 204 ? null : read(await answer.text()));

export const api = {
  get: async (path, options) => json(await request("GET", path, options)),
  blob: async (path, options) => (await request("GET", path, options)).blob(),
  post: async (path, body, options) => json(await request("POST", path, { ...options, body })),
  patch: async (path, body, options) => json(await request("PATCH", path, { ...options, body })),
  remove: async (path, options) => json(await request("DELETE", path, options)),
  send(path, file, options) {
    const body = new FormData();
    body.append("file", file);
    return api.post(path, body, options);
  },
  // -> {digest, width, height, notes}, by which a wish names the picture
  upload: (file, options) => api.send("/v1/uploads", file, options),
};

// The events of a stream: {id, event, data}. Ends with the stream; a stream that fell silent is an ApiError.
export async function* events(path, { last = null, signal } = {}) {
  const stop = new AbortController();
  const ends = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": String(last) }) };
  const reader = (await request("GET", path, { headers, signal: ends })).body
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  try {
    for (;;) {
      const quiet = setTimeout(() => stop.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(quiet));
      if (done) return;
      const blocks = (text + value.replaceAll("\r\n", "\n")).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const event = parsed(block);
        if (event) yield event;
      }
    }
  } finally {
    stop.abort();
  }
}

function parsed(block) {
  const event = { id: null, event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") event.data += value;
    else if (name === "id" || name === "event") event[name] = value;
  }
  return event.data ? { ...event, data: read(event.data) } : null; // without data it is a comment
}

export const imageOf = (id) => `/v1/pictures/${encodeURIComponent(id)}/image`;
export const thumbnailOf = (id) => `/v1/pictures/${encodeURIComponent(id)}/thumbnail`;
