import { config } from "@jackfield/plugin";
import { type Call, flow } from "@jackfield/plugin/voice";

const QUEUES = { desk: "support", baggage: "support" };

function settings() {
  const given = config({ airline: "Jackfield Air", language: "en", queues: {} });
  return { ...given, queues: { ...QUEUES, ...given.queues } };
}

/** Tries before a human takes over. */
const TRIES = 3;

/** Digits that pass a check; null when the caller pressed 0 or did not manage it. */
async function number(call: Call, question: string, digits: number, right: (input: string) => boolean) {
  const { language } = settings();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    call.say(question, language);
    const input = await call.gather({ digits });
    if (input === "0") return null;
    if (input !== null && right(input)) return input;
    call.say("Sorry, that is not a number we know. Press 0 to talk to somebody.", language);
  }
  return null;
}

/** Booking numbers have eight digits, of which the last is the sum of the others modulo 10. */
function isBooking(input: string): boolean {
  const digits = [...input].map(Number);
  const check = digits.pop();
  return input.length === 8 && digits.reduce((sum, digit) => sum + digit, 0) % 10 === check;
}

async function human(call: Call, reason: string, queue: string) {
  const { language } = settings();
  call.set("reason", reason);
  call.say("We connect you with a colleague.", language);
  const served = await call.handedOver(queue);
  if (served.tag === "left") call.say("Nobody is free at the moment. Please call again later.", language);
}

async function checkIn(call: Call) {
  const { language, queues } = settings();
  const booking = await number(call, "Enter your booking number of eight digits.", 8, isBooking);
  if (booking === null) return human(call, "check-in", queues.desk);
  call.set("booking", booking);
  call.say("To check in all passengers press 1, for a choice of seats press 2.", language);
  const choice = await call.gather({ digits: 1 });
  if (choice !== "1") return human(call, "seats", queues.desk);
  call.set("check-in", "requested");
  call.say(`You are checked in. The boarding passes come by message. Goodbye from ${settings().airline}.`, language);
}

async function baggage(call: Call) {
  const { language, queues } = settings();
  const tag = await number(call, "Enter the ten digits of your baggage tag.", 10, (input) => input.length === 10);
  if (tag !== null) {
    call.set("baggage-tag", tag);
    call.say("To leave a trace request press 1. To talk to the baggage service press 2.", language);
    if ((await call.gather({ digits: 1 })) === "1") {
      call.set("baggage", "trace requested");
      call.say("The trace has begun. We call you back on this number.", language);
      return;
    }
  }
  return human(call, "baggage", queues.baggage);
}

export default flow(async (call) => {
  const { airline, language, queues } = settings();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt === 0) call.say(`Welcome to ${airline}.`, language);
    call.say("For check-in press 1. For baggage press 2. For anything else press 0.", language);
    switch (await call.gather({ digits: 1 })) {
      case "1":
        return checkIn(call);
      case "2":
        return baggage(call);
      case "0":
        return human(call, "menu", queues.desk);
    }
  }
  return human(call, "no choice", queues.desk);
});
