// Texts in and out of a provider that speaks plain JSON. The host receives, verifies and sends; secrets stay with it.
import { bytes, channelConnector, config, PluginError } from "@jackfield/plugin";

const DEFAULTS = {
  /** Where messages are posted. */
  url: "",
  /** The name of the bearer token. */
  secret: "token",
};

/** A message in the provider's words. */
interface Text {
  id: string;
  from: string;
  to: string;
  text: string;
}

function textOf(body: Uint8Array): Text {
  try {
    const { id, from, to, text } = bytes.read<Text>(body)!;
    return { id, from, to, text };
  } catch (error) {
    throw new PluginError("bad-body", `the request's body: ${error}`);
  }
}

export default channelConnector({
  receive({ body }) {
    const { id, from, to, text } = textOf(body);
    const message = { id, sender: from, recipient: to, senderName: null, at: null, text, attachments: [] };
    return { messages: [message], receipts: [], reply: null };
  },

  render({ id, sender, recipient, text }) {
    const { url, secret } = config(DEFAULTS);
    const message: Text = { id, from: sender, to: recipient, text };
    return {
      method: "post",
      url,
      query: [],
      headers: [
        { name: "content-type", value: { tag: "text", val: "application/json" } },
        { name: "authorization", value: { tag: "secret", val: { name: secret, prefix: "Bearer " } } },
      ],
      body: bytes.write(message),
    };
  },

  conclude({ message, status }) {
    if (status >= 200 && status < 300) return { tag: "accepted", val: message };
    return {
      tag: "rejected",
      val: {
        code: `http-${status}`,
        message: "the provider did not take the message",
        retryable: status >= 500 || status === 429,
      },
    };
  },
});
