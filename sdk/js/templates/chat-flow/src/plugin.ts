// Greets, asks what it is about, and hands over to an agent.
//
// The conversation is one async function. At each event it runs again from the beginning over what it awaited before;
// `@jackfield/plugin/voice` tells what that asks of it.
import { config } from "@jackfield/plugin";
import { flow } from "@jackfield/plugin/chat";

const DEFAULTS = {
  greeting: "Hello! What is it about?",
  queue: "support",
};

export default flow(async (chat) => {
  const { greeting, queue } = config(DEFAULTS);
  chat.offer(greeting, { order: "My order", other: "Something else" });
  const about = await chat.answer(120_000);
  if (about === null) return;
  chat.set("about", about.val);
  const served = await chat.handedOver(queue, { summary: about.val });
  if (served.tag === "left") {
    chat.say("Nobody is here now. We will write back.");
    return;
  }
  // Who waits long for the agent's answer gets a word from here.
  while ((await chat.withAgent()).tag === "unanswered") chat.say("One moment, please.");
});
