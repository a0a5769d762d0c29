// Greets, asks for a digit, and puts the caller into a queue.
//
// The call is one async function. At each event it runs again from the beginning over what it awaited before;
// `@jackfield/plugin/voice` tells what that asks of it.
import { config } from "@jackfield/plugin";
import { flow } from "@jackfield/plugin/voice";

const DEFAULTS = {
  language: "en",
  greeting: "Welcome. For billing press 1, for anything else press 2.",
  /** Queues by digit. */
  queues: { "1": "billing" } as Record<string, string>,
  "default-queue": "support",
};

export default flow(async (call) => {
  const { language, greeting, queues, "default-queue": other } = config(DEFAULTS);
  let queue = other;
  // Asked twice; who presses nothing then is put through all the same.
  for (let attempt = 0; attempt < 2; attempt++) {
    call.say(greeting, language);
    const digit = await call.digit(5_000);
    if (digit !== null) {
      queue = queues[digit] ?? queue;
      break;
    }
  }
  call.set("menu", queue);
  const served = await call.handedOver(queue);
  if (served.tag === "left") call.say("Nobody can take your call now. Please call again later.", language);
});
