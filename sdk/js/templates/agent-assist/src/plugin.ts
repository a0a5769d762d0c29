// Suggests articles of the knowledge base on what the customer wrote last.
import { agentAssist, config } from "@jackfield/plugin";
import { search } from "cx:knowledge/entries@0.1.0";

const DEFAULTS = {
  /** Suggestions at most. */
  most: 3,
};

export default agentAssist({
  suggest({ messages, language }) {
    const { most } = config(DEFAULTS);
    const message = messages.findLast(({ author }) => author === "customer");
    if (!message?.text) return [];
    const found = search({ text: [...message.text].slice(0, 128).join(""), language, kind: null, limit: most });
    return found.map(({ id, title, snippet }) => ({
      advice: { tag: "knowledge", val: id },
      title,
      confidence: 60,
      reason: snippet,
      about: message.number,
    }));
  },
});
