/**
 * Write Jackfield plugins in TypeScript. The types of a world are those of its WIT package, for example
 * `import type { Snapshot } from "cx:routing-strategy/types@0.1.0"`; so are the functions of the host, for example
 * `import { skills } from "cx:routing-strategy/details@0.1.0"`. A function whose result can be an error throws it.
 *
 * `src/plugin.ts` exports its plugin as default:
 *
 * ```ts
 * export default routingStrategy({ assign: (snapshot) => ({ assignments: [], overflows: [], lookAgainAt: null }) });
 * ```
 */
import { get } from "cx:host/config@0.1.0";
import { guarded } from "./guard.ts";

export { PluginError } from "./guard.ts";
export { now } from "cx:host/clock@0.1.0";

/** The binding's configuration over what holds where it says nothing. */
export function config<T extends object>(defaults: T): T {
  return { ...defaults, ...(JSON.parse(get()) as Partial<T>) };
}

/** Whether skills contain all that is needed: `&` of JavaScript sees 32 bits only, a queue has up to 53 skills here. */
export function hasSkills(skills: number, needs: number): boolean {
  if ((~skills & needs) !== 0) return false;
  return needs < HIGH || (~(skills / HIGH) & (needs / HIGH)) === 0;
}

const HIGH = 2 ** 32;

/** Keeps bytes as JSON, for states and stored values. */
export const bytes = {
  /** Null where there are none. */
  read: <T>(bytes: Uint8Array | number[]): T | null =>
    bytes.length === 0 ? null : (JSON.parse(decode(bytes)) as T),
  write: (value: unknown): Uint8Array => encode(JSON.stringify(value)),
};

/** The bytes of a text in UTF-8. What is no Unicode is replaced by U+FFFD. */
export function encode(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.toWellFormed());
  const found: number[] = [];
  for (let n = 0; n < escaped.length; n++) {
    if (escaped[n] === "%") {
      found.push(parseInt(escaped.slice(n + 1, n + 3), 16));
      n += 2;
    } else {
      found.push(escaped.charCodeAt(n));
    }
  }
  return new Uint8Array(found);
}

/** The text of bytes in UTF-8. @throws URIError when they are none. */
export function decode(bytes: Uint8Array | number[]): string {
  let escaped = "";
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, "0")}`;
  return decodeURIComponent(escaped);
}

type RoutingStrategy = typeof import("cx:routing-strategy/strategy@0.1.0");
type OutboundRule = typeof import("cx:outbound-rule/rule@0.1.0");
type PacingStrategy = typeof import("cx:pacing-strategy/strategy@0.1.0");
type TagGenerator = typeof import("cx:tag-generator/tagger@0.1.0");
type QaScorecard = typeof import("cx:qa-scorecard/scorecard@0.1.0");
type VoiceFlow = typeof import("cx:voice-flow/flow@0.1.0");
type ChatFlow = typeof import("cx:chat-flow/flow@0.1.0");
type ChannelConnector = typeof import("cx:channel-connector/connector@0.1.0");
type AgentAssist = typeof import("cx:agent-assist/assist@0.1.0");

/** Decides which waiting work goes to which free agent. A queue's first 53 skills can be told apart. */
export const routingStrategy = (plugin: RoutingStrategy) => guarded(plugin, true);
/** Decides whether a contact attempt may be made now. */
export const outboundRule = (plugin: OutboundRule) => guarded(plugin);
/** Decides how many calls a campaign launches now. */
export const pacingStrategy = (plugin: PacingStrategy) => guarded(plugin);
/** Decides which tags a customer gets, keeps or loses. */
export const tagGenerator = (plugin: TagGenerator) => guarded(plugin);
/** Evaluates a finished interaction. */
export const qaScorecard = (plugin: QaScorecard) => guarded(plugin);
/** Decides the next actions of a call for each event; `./flow` has the same as straight-line code. */
export const voiceFlow = (plugin: VoiceFlow) => guarded(plugin);
/** Decides the next actions of a written conversation for each event. */
export const chatFlow = (plugin: ChatFlow) => guarded(plugin);
/** Stands between a provider's HTTP interface and messages. */
export const channelConnector = (plugin: ChannelConnector) => guarded(plugin);
/** Suggests to the agent during a conversation. */
export const agentAssist = (plugin: AgentAssist) => guarded(plugin);
