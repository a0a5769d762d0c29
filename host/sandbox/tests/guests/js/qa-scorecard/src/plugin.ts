import { config, qaScorecard } from "@jackfield/plugin";
import { list } from "cx:chat/messages@0.1.0";
import type { Evidence, Interaction, Item, PhaseEmotion, Segment, SegmentKind } from "cx:qa-scorecard/types@0.1.0";

const DEFAULTS = { "wait-ms": 20_000 };

const item = (id: string, section: string, possible: number, weight: number, critical: boolean): Item => ({
  id,
  section,
  possible,
  weight,
  critical,
  result: { tag: "not-applicable" },
  evidence: null,
});
const points = (val: number): Item["result"] => ({ tag: "points", val });
const at = ({ start, end }: Segment, note: string): Evidence => ({ start, end, note });
const first = ({ segments }: Interaction, wanted: SegmentKind) => segments.find(({ kind }) => kind === wanted);

function wait(interaction: Interaction): Item {
  const found = item("wait", "open", 5, 1.5, false);
  const queue = first(interaction, "queue");
  if (queue) {
    const waits = interaction.segments.filter(({ kind }) => kind === "queue");
    const waited = waits.reduce((sum, { start, end }) => sum + end - start, 0);
    const late = Math.max(waited - config(DEFAULTS)["wait-ms"], 0);
    found.result = points(Math.max(5 - late / 10_000, 0));
    found.evidence = at(queue, `在 ${queue.queue ?? "?"} 等了 ${waited} ms`);
  }
  return found;
}

function listening({ speech }: Interaction): Item {
  const found = item("listening", "understand", 10, 2, true);
  if (speech && speech.agent + speech.customer > 0) {
    found.result = points(10 * (1 - speech.agent / (speech.agent + speech.customer)));
  }
  return found;
}

function manners(interaction: Interaction): Item {
  const found = item("manners", "help", 1, 0.5, true);
  found.result = points(1);
  const rude = interaction.attributes.find(({ key }) => key === "rude");
  if (rude) {
    const talk = first(interaction, "talk");
    found.result = { tag: "fatal" };
    found.evidence = talk ? at(talk, rude.value) : null;
  }
  return found;
}

function thanks({ channel, startedAt }: Interaction): Item {
  const found = item("thanks", "close", 3, 1, false);
  if (channel === "voice") return found;
  const thanked = list(0, 200).filter(
    ({ author, text }) => author === "agent" && (text.includes("谢谢") || text.includes("thank")),
  );
  found.result = points(Math.min(thanked.length, 3));
  const message = thanked[0];
  if (message) {
    const moment = Math.max(message.at - startedAt, 0);
    found.evidence = { start: moment, end: moment, note: message.text };
  }
  return found;
}

function emotions(interaction: Interaction): PhaseEmotion[] {
  const found: PhaseEmotion[] = [];
  const { speech, surveys } = interaction;
  if (speech && speech.interruptions > 2) {
    const talk = first(interaction, "talk");
    const evidence = talk ? at(talk, `interrupted ${speech.interruptions} times`) : null;
    found.push({ phase: "understand", emotion: 2, evidence });
  }
  const survey = surveys.find(({ question }) => question === "csat");
  if (survey) {
    const [above, range] = [survey.value - survey.lowest, survey.highest - survey.lowest];
    found.push({ phase: "close", emotion: range === 0 ? 3 : 1 + Math.floor((4 * above) / range), evidence: null });
  }
  return found;
}

export default qaScorecard({
  evaluate: (interaction) => ({
    items: [wait(interaction), listening(interaction), manners(interaction), thanks(interaction)],
    emotions: emotions(interaction),
  }),
});
