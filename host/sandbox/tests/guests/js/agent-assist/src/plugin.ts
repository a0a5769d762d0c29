import { agentAssist, encode } from "@jackfield/plugin";
import type { Suggestion } from "cx:agent-assist/types@0.1.0";
import { get, search } from "cx:knowledge/entries@0.1.0";

export default agentAssist({
  suggest({ agent, queue, language, trigger, messages, typing, attributes }) {
    const found: Suggestion[] = [];
    if (trigger === "customer-typing") {
      const advice = { tag: "hint", val: typing || "-" } as const;
      found.push({ advice, title: "typing", confidence: 10, reason: language, about: null });
    }
    const last = messages.findLast(({ author }) => author === "customer");
    if (last?.text) {
      const hits = search({ text: last.text, language, kind: "reply-template", limit: 2 });
      for (const { id, title, language, snippet, score } of hits) {
        found.push({
          advice: score < 1 ? { tag: "knowledge", val: id } : { tag: "reply", val: snippet },
          title,
          confidence: Math.floor(Math.min(score * 40, 100)),
          reason: language,
          about: last.number,
        });
      }
    }
    const article = attributes.find(({ key }) => key === "article");
    if (article) {
      const { id, title, body, updatedAt } = get(article.value);
      const reason = `updated ${updatedAt}: ${encode(body).length} bytes`;
      found.push({ advice: { tag: "knowledge", val: id }, title, confidence: 50, reason, about: null });
    }
    if (trigger === "requested" && queue !== null) {
      const advice = { tag: "next", val: { code: "transfer", argument: queue } } as const;
      found.push({ advice, title: "transfer", confidence: 5, reason: agent, about: null });
    }
    return found;
  },
});
