import { bytes, channelConnector, config, decode, encode, PluginError } from "@jackfield/plugin";
import type { Delivery } from "cx:channel-connector/types@0.1.0";

const DEFAULTS = { url: "https://provider.example/send" };
const STATES: string[] = ["sent", "delivered", "read", "failed"] satisfies Delivery[];

interface Body {
  messages: {
    id: string;
    from: string;
    to: string;
    name: string | null;
    at: number | null;
    text: string;
    files: [string, string, string][];
  }[];
  receipts: { id: string; state: string; at: number | null; code: string | null }[];
}

function read(body: Uint8Array): Body {
  try {
    return bytes.read<Body>(body)!;
  } catch (error) {
    throw new PluginError("bad-body", String(error));
  }
}

function told(body: Uint8Array): string {
  try {
    return decode(body);
  } catch {
    return `${body.length} bytes`;
  }
}

export default channelConnector({
  receive({ method, query, body }) {
    if (method === "GET") {
      const challenge = query.find(({ name }) => name === "challenge");
      const reply = {
        status: challenge ? 200 : 404,
        contentType: "text/plain",
        body: encode(challenge?.value ?? ""),
      };
      return { messages: [], receipts: [], reply };
    }
    const { messages, receipts } = read(body);
    return {
      messages: messages.map(({ id, from, to, name, at, text, files }) => ({
        id,
        sender: from,
        recipient: to,
        senderName: name,
        at,
        text,
        attachments: files.map(([name, mediaType, url]) => ({ name, mediaType, url })),
      })),
      receipts: receipts.map(({ id, state, at, code }) => {
        if (!STATES.includes(state)) throw new PluginError("bad-state", state);
        return { id, delivery: state as Delivery, at, reason: code };
      }),
      reply: null,
    };
  },

  render({ id, recipient, text, choices, inReplyTo }) {
    const secret = (name: string, prefix: string) => ({ tag: "secret", val: { name, prefix } }) as const;
    return {
      method: inReplyTo === null ? "post" : "put",
      url: config(DEFAULTS).url,
      query: [
        { name: "id", value: { tag: "text", val: id } },
        { name: "key", value: secret("api-key", "") },
      ],
      headers: [
        { name: "content-type", value: { tag: "text", val: "application/json" } },
        { name: "authorization", value: secret("token", "Bearer ") },
      ],
      body: bytes.write({ to: recipient, text, choices: choices.map(({ name, value }) => [name, value]) }),
    };
  },

  conclude({ message, status, headers, body }) {
    if (status >= 200 && status < 300) {
      return { tag: "accepted", val: headers.find(({ name }) => name === "x-id")?.value ?? message };
    }
    const retryable = status >= 500 || status === 429;
    return { tag: "rejected", val: { code: `http-${status}`, message: told(body), retryable } };
  },
});
