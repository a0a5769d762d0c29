//! Named limits. Each says what happens when it is reached.

/// Bytes of an id that people choose. Longer is refused.
pub const MAX_SLUG_BYTES: usize = 64;
/// Bytes of a customer id. Longer is refused.
pub const MAX_CUSTOMER_ID_BYTES: usize = 128;

/// Bytes of what is kept of one customer in one piece (names, addresses, attributes, tags, consents); a change that
/// would need more is refused, a tag left out with a log line.
pub const MAX_PROFILE_BYTES: usize = 24 * 1024;
/// Addresses of one customer; one more is refused.
pub const MAX_IDENTITIES: usize = 20;
/// Customers that are merged into one, it included; one more is refused.
pub const MAX_MERGED: usize = 16;
/// Attributes that a tenant defines for its customers; one more is refused.
pub const MAX_ATTRIBUTE_DEFINITIONS: usize = 200;
/// Options of one attribute that is chosen from a list; more are refused.
pub const MAX_ATTRIBUTE_OPTIONS: usize = 100;
/// Products, links to others, and consents (purpose and channel) of one customer, of each; one more is refused.
pub const MAX_PROFILE_ITEMS: usize = 100;
/// Customers of one import that are written together; the next ones wait for their turn.
pub const MAX_IMPORT_BATCH: usize = 280;
/// Bytes of one part of an import; more answers 413.
pub const MAX_IMPORT_PART_BYTES: usize = 4 * 1024 * 1024;
/// Rows of one part of an import; more are refused.
pub const MAX_IMPORT_PART_ROWS: usize = 50_000;
/// Rows of one import that are kept with what is wrong with them; of more, only the number is.
pub const MAX_IMPORT_ERRORS: u64 = 10_000;
/// Imports of one tenant that are kept; one more is refused.
pub const MAX_IMPORTS: usize = 1_000;
/// Entries of a timeline, and interactions with their events, in one part of an export; the next part follows by its
/// cursor.
pub const MAX_EXPORT_ENTRIES: usize = 500;

/// Bytes of one value in the store; larger answers `TooLarge` (large things are blobs).
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Bytes of one key in the store; longer answers `TooLarge`.
pub const MAX_KEY_BYTES: usize = 512;
/// Operations in one store transaction; more answers `TooLarge`.
pub const MAX_TX_OPS: usize = 1_000;
/// Bytes of one store transaction; more answers `TooLarge`.
pub const MAX_TX_BYTES: usize = 1024 * 1024;
/// Bytes of a stream's name; longer answers `TooLarge`.
pub const MAX_STREAM_NAME_BYTES: usize = 128;
/// Idempotency keys that the store remembers of each tenant; the oldest is forgotten for one more.
pub const MAX_IDEM_KEYS: u64 = 65_536;
/// Transactions that wait for the store's committer; one more waits for a place.
pub const MAX_COMMIT_QUEUE: usize = 1_024;
/// Bytes of the transactions that are synced together; the next ones go into the next batch. Small enough
/// that what the engine writes for them stays within one of its 8 MiB segments: it may use a segment again
/// once what was moved out of it lies a whole segment back, which is then synced for certain.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of one blob, enough for the longest recording in two channels of 16 bits; more answers `TooLarge`.
pub const MAX_BLOB_BYTES: u64 = 512 * 1024 * 1024;
/// Bytes of one read out of a blob; a larger wish is cut to this.
pub const MAX_BLOB_READ_BYTES: usize = 4 * 1024 * 1024;
/// Rows of one page of a scan; a larger wish is cut to this.
pub const MAX_PAGE: usize = 1_000;
/// How long recorded plugin decisions are kept: seven days.
pub const DECISION_RECORDS_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Recorded decisions that one replay looks at; it takes the newest.
pub const MAX_REPLAY: usize = 10_000;

/// Steps that one rollout takes by itself; more are refused.
pub const MAX_ROLLOUT_STEPS: usize = 16;
/// Signatures of one plugin version, each of another key; one more is refused.
pub const MAX_SIGNATURES: usize = 16;
/// The largest weight of a tenant among those that wait for a turn to decide; a larger one is refused.
pub const MAX_WEIGHT: u8 = 100;
/// How long an outbound attempt waits after a rule that gave no valid answer: five minutes.
pub const OUTBOUND_RETRY_MS: u64 = 5 * 60 * 1_000;
/// How long all rules of an outbound attempt may take together; the one that is asked then counts as failed.
pub const OUTBOUND_PATIENCE_MS: u64 = 2_000;
/// Campaigns of one tenant; one more is refused.
pub const MAX_CAMPAIGNS: usize = 1_000;
/// Earlier attempts that an outbound rule is told of, the newest; a check that brings more itself is refused. Of a number
/// and purpose so many are kept; the oldest goes for one more.
pub const MAX_PAST_ATTEMPTS: usize = 200;
/// The age of the oldest attempt that an outbound rule is told of, and that is kept: 90 days. Older ones are left out.
pub const MAX_ATTEMPT_AGE_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// Outcomes that count of an agent, a reason and a measure: at so many, count and total are halved.
pub const MAX_OUTCOMES: u32 = 256;
/// Reasons of which an agent's outcomes are kept; for one more, that with the oldest newest outcome goes.
pub const MAX_OUTCOME_REASONS: usize = 64;
/// Bytes of a reason by which outcomes are kept; those of longer ones are not.
pub const MAX_OUTCOME_REASON_BYTES: usize = 64;

/// Inputs that wait for one tenant's loop. When full, voice answers new calls with 503 and the API with 429.
pub const MAX_INBOX: usize = 16_384;
/// Live interactions of one tenant; one more call is answered with 503.
pub const MAX_LIVE_INTERACTIONS: usize = 10_000;
/// Agents of one tenant; one more is refused.
pub const MAX_AGENTS: usize = 10_000;
/// Queues of one tenant; one more is refused.
pub const MAX_QUEUES: usize = 1_000;
/// Numbers of one tenant; one more is refused.
pub const MAX_NUMBERS: usize = 10_000;
/// Skills that one queue's skill table can hold: one bit each.
pub const MAX_QUEUE_SKILLS: usize = 64;
/// Highest level of a skill; the lowest is 1.
pub const MAX_SKILL_LEVEL: u8 = 10;
/// Offers of an interaction before it goes to the overflow queue, else back to its flow. Not of an e-mail, which is
/// offered less and less often and waits as long as its queue says.
pub const MAX_OFFERS: u16 = 200;
/// Waiting work in one routing snapshot; the rest is seen in the next one, in order of arrival.
pub const MAX_SNAPSHOT_WORK: usize = 200;
/// Free agents in one routing snapshot, longest idle first.
pub const MAX_SNAPSHOT_AGENTS: usize = 500;

/// Bytes of the state that a flow keeps between steps; more is an invalid answer.
pub const MAX_FLOW_STATE_BYTES: usize = 16 * 1024;
/// Actions in one flow answer; more is an invalid answer.
pub const MAX_FLOW_ACTIONS: usize = 32;
/// Flow steps without any wait between them; one more ends in the fail policy.
pub const MAX_FLOW_STEPS_AT_ONCE: u32 = 16;
/// Rules in a campaign's chain; a higher place names no extension point.
pub const MAX_CAMPAIGN_RULES: u8 = 16;
/// Bytes of a written message; a longer one is refused, and in a plugin's answer an invalid answer.
pub const MAX_MESSAGE_BYTES: usize = 8_192;
/// Choices that a message offers; more is an invalid answer.
pub const MAX_CHOICES: usize = 10;
/// Attachments of one message; more are refused, and in a plugin's answer an invalid answer.
pub const MAX_ATTACHMENTS: usize = 16;
/// Agents of a campaign in one pacing question; the rest is left out.
pub const MAX_PACING_AGENTS: usize = 500;
/// Messages, and receipts, that a connector reads out of one request; more is an invalid answer.
pub const MAX_CONNECTOR_MESSAGES: usize = 100;
/// Headers, and parameters, of a request that a connector describes; more is an invalid answer.
pub const MAX_CONNECTOR_FIELDS: usize = 32;
/// Bytes of the body of a provider's request or response; a longer request is not given to a connector.
pub const MAX_WEBHOOK_BODY_BYTES: usize = 128 * 1024;
/// Bytes of the body of a request that a connector describes; more is an invalid answer.
pub const MAX_CONNECTOR_BODY_BYTES: usize = 48 * 1024;
/// Bytes of the body with which a connector answers a provider; more is an invalid answer.
pub const MAX_CONNECTOR_REPLY_BYTES: usize = 16 * 1024;
/// Bytes of an `https` address in a connector's answer; longer is an invalid answer.
pub const MAX_URL_BYTES: usize = 2_048;
/// Bytes of an address on a channel, of a provider's id, or of a media type; longer is an invalid answer.
pub const MAX_ADDRESS_BYTES: usize = 128;
/// Bytes of the title of a suggestion; longer is an invalid answer.
pub const MAX_TITLE_BYTES: usize = 256;
/// Suggestions of one agent-assist answer; more is an invalid answer.
pub const MAX_SUGGESTIONS: usize = 10;
/// Messages in one agent-assist question; older ones are left out.
pub const MAX_ASSIST_MESSAGES: usize = 50;
/// Bytes of the text of a search in the knowledge base; longer is refused to the plugin (`bad-query`).
pub const MAX_QUERY_BYTES: usize = 512;
/// Timers that the flow of one call has running; one more is dropped with an event.
pub const MAX_FLOW_TIMERS: usize = 32;
/// Attributes of one interaction; one more is dropped with an event.
pub const MAX_ATTRIBUTES: usize = 64;
/// Bytes of an attribute's key or of a reason or error code.
pub const MAX_CODE_BYTES: usize = 64;
/// Bytes of an attribute's value or of any free text in an event. Longer is cut.
pub const MAX_TEXT_BYTES: usize = 2_048;
/// Tags of one customer; one more is refused with an event.
pub const MAX_TAGS: usize = 100;
/// Runs of tag generators over all customers that a tenant keeps; one more is refused.
pub const MAX_TAG_RUNS: usize = 200;
/// Customers of such a run that are asked about together; what does not fit into one commit goes into the next.
pub const MAX_TAG_BATCH: usize = 400;
/// Segments of one tenant; one more is refused.
pub const MAX_SEGMENTS: usize = 500;
/// Segments of one tenant that plugins see; one more is refused.
pub const MAX_SHOWN_SEGMENTS: usize = 16;
/// Levels of conditions in a segment's expression; a deeper one is refused.
pub const MAX_SEGMENT_DEPTH: usize = 8;
/// Conditions of a segment's expression; one more is refused.
pub const MAX_SEGMENT_CONDITIONS: usize = 100;
/// Bytes of a segment's expression as JSON; a longer one is refused.
pub const MAX_SEGMENT_BYTES: usize = 16 * 1024;
/// Entries of a customer's timeline that one condition looks at, the newest.
pub const MAX_SEGMENT_EVENTS: usize = 500;
/// Customers that a preview, or a page of a segment, looks at; the page may be short and goes on.
pub const MAX_SEGMENT_LOOKED_AT: usize = 5_000;
/// Customers that one request to count a segment looks at; the next one goes on.
pub const MAX_SEGMENT_COUNTED: usize = 20_000;
/// Tag generators of one tenant; a higher place names no extension point.
pub const MAX_TAGGERS: u8 = 8;
/// Tags in a tenant's library; one more is refused.
pub const MAX_TAG_DEFINITIONS: usize = 1_000;
/// Items of one scorecard; more is an invalid answer.
pub const MAX_SCORE_ITEMS: usize = 100;

/// Bytes of an uploaded plugin component; more answers 413.
pub const MAX_COMPONENT_BYTES: usize = 32 * 1024 * 1024;
/// Seconds of processor time, over all its threads, that checking and compiling a component may take, beside
/// [`COMPILE_CPU_S_PER_MIB`]; more is refused (`compile-limit`).
pub const MAX_COMPILE_CPU_S: u64 = 20;
/// Seconds more for each MiB of the component: a language's run time is honest work, a bomb is small.
pub const COMPILE_CPU_S_PER_MIB: u64 = 2;
/// Milliseconds that it may take, beside [`COMPILE_MS_PER_MIB`]; less than a request has. Then the compiler is killed and
/// the component refused.
pub const MAX_COMPILE_MS: u64 = 20_000;
/// Milliseconds more for each MiB of the component, for the request that brings it as well.
pub const COMPILE_MS_PER_MIB: u64 = 4_000;
/// Bytes of address space that a compiler may have; a component that needs more is refused.
pub const MAX_COMPILE_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of a compiled component; a larger one is refused.
pub const MAX_ARTIFACT_BYTES: u64 = 256 * 1024 * 1024;
/// Compilers at once; one more upload waits for its turn.
pub const MAX_COMPILERS: u32 = 2;
/// Milliseconds that an upload waits for a compiler; then it answers `overloaded`.
pub const MAX_COMPILER_WAIT_MS: u64 = 8_000;
/// Uploads of one tenant that wait for another one of that tenant; one more answers `overloaded`.
pub const MAX_WAITING_UPLOADS: usize = 8;
/// Users of one tenant; one more is refused.
pub const MAX_USERS: usize = 1_000;
/// API keys of one user; one more is refused.
pub const MAX_KEYS_PER_USER: usize = 20;
/// Tenants of one deployment; one more is refused.
pub const MAX_TENANTS: usize = 10_000;
/// Plugin versions of one tenant; one more is refused.
pub const MAX_PLUGIN_VERSIONS: usize = 1_000;
/// Sums of receipts (hour × point × plugin version) of one tenant that wait for the store; a receipt for one more is
/// lost with a log line.
pub const MAX_PENDING_USAGE: usize = 10_000;
/// Age of the hourly usage that is kept: 400 days; older rows are removed.
pub const MAX_USAGE_AGE_MS: u64 = 400 * 24 * 60 * 60 * 1_000;
/// Length of the time that one usage report can be about: 92 days; a longer one is refused.
pub const MAX_USAGE_RANGE_MS: u64 = 92 * 24 * 60 * 60 * 1_000;
/// Hourly rows of one tenant that one usage report can add up; a report that needs more is refused.
pub const MAX_USAGE_ROWS: usize = 200_000;
/// Publishers' keys that one tenant trusts; one more is refused.
pub const MAX_TRUSTED_KEYS: usize = 100;
/// Bytes of a reason that somebody gives for a change; a longer one is refused.
pub const MAX_WHY_BYTES: usize = 1_000;
/// Bytes of a JSON request body; more answers 413.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// Bytes of a binding's configuration; more is refused.
pub const MAX_CONFIG_BYTES: usize = 64 * 1024;
/// Bytes of a log that a plugin may write during one decision; the rest is dropped.
pub const MAX_PLUGIN_LOG_BYTES: usize = 64 * 1024;
/// Bytes of a key that a plugin keeps; a longer one is refused to the plugin (`bad-key`).
pub const MAX_PLUGIN_KEY_BYTES: usize = 64;
/// Bytes of a value that a plugin keeps; a longer one is refused to the plugin (`too-large`).
pub const MAX_PLUGIN_VALUE_BYTES: usize = 16 * 1024;
/// Keys that a plugin may write in one decision; one more is refused to the plugin (`too-many`).
pub const MAX_PLUGIN_KEY_WRITES: usize = 64;
/// Prompts in one list of a flow's answer; more is an invalid answer.
pub const MAX_PROMPTS: usize = 32;
/// Bytes of a prompt's name; a longer one is an invalid answer.
pub const MAX_PROMPT_NAME_BYTES: usize = 128;
/// Milliseconds of one silence among prompts; more is an invalid answer.
pub const MAX_SILENCE_MS: u64 = 60_000;

/// Length of a recording: 4 hours; it is closed there with an event, and the call goes on.
pub const MAX_RECORDING_MS: u64 = 4 * 60 * 60 * 1_000;

/// Legs of one process, or as many as it has pairs of RTP ports; one more call is answered with 503, one more dialled phone ends
/// as overloaded. Callers of one tenant may have nine times as many as are free.
pub const MAX_LEGS: usize = 20_000;
/// Orders that wait for one leg; one more ends the leg as overloaded.
pub const MAX_LEG_ORDERS: usize = 64;
/// Orders of one leg that are remembered, so that none is carried out twice; the one with the lowest id is forgotten.
pub const MAX_LEG_ACTIONS: usize = 1_024;
/// Legs that have ended and are remembered, so that none is dialled twice; the oldest is forgotten.
pub const MAX_ENDED_LEGS: usize = 65_536;
/// SIP requests in hand at once; one more is answered with 503.
pub const MAX_SIP_TRANSACTIONS: usize = 40_000;
/// SIP connections over TCP; one more is closed at once.
pub const MAX_SIP_CONNECTIONS: usize = 10_000;
/// SIP connections over TCP of one address, so that nobody takes all; one more is closed at once.
pub const MAX_SIP_CONNECTIONS_PER_ADDRESS: usize = 1_000;
/// Digest nonces that are counted for one phone; of more the oldest counts as expired, and the phone is asked again.
pub const MAX_PHONE_NONCES: usize = 8;

/// Questions to the host that are recorded of a decision; one that asks more is recorded without them, and can't be
/// replayed.
pub const MAX_RECORDED_READS: usize = 1_024;
/// Bytes of texts in the answers to them; more as with [`MAX_RECORDED_READS`]. The record as a whole must fit into a row.
pub const MAX_RECORDED_READ_BYTES: usize = 1024 * 1024;

/// HTTP requests with a key that are under way at once, event streams excepted, of all tenants; one more is answered with
/// 503. The last eighth is for tenants that have fewer than [`GUARANTEED_HTTP_REQUESTS`]; others are answered with 429.
pub const MAX_HTTP_REQUESTS: usize = 1_024;
/// HTTP requests of one tenant under way at once, event streams excepted; one more is answered with 429.
pub const MAX_TENANT_HTTP_REQUESTS: usize = 128;
/// HTTP requests that a tenant may have under way while any place is left, however many the others have.
pub const GUARANTEED_HTTP_REQUESTS: usize = 4;
/// Uploads that a tenant may have under way while any place is left.
pub const GUARANTEED_HTTP_UPLOADS: usize = 1;
/// Uploads of one tenant that are held in memory at once, while they come in and while they are checked; one more is
/// answered with 429.
pub const MAX_TENANT_HTTP_UPLOADS: usize = 4;
/// Uploads of all tenants that are held in memory at once; one more is answered with 503. The last eighth is for tenants that have
/// fewer than [`GUARANTEED_HTTP_UPLOADS`]; others are answered with 429.
pub const MAX_HTTP_UPLOADS: usize = 32;
/// Requests of visitors of chat windows that are under way at once, sockets excepted, of all tenants; one more is answered
/// with 503. A request that waits for news has its place as long. The last eighth is for tenants whose visitors have fewer
/// than [`GUARANTEED_HTTP_VISITS`]; others are answered with 429.
pub const MAX_HTTP_VISITS: usize = 2_048;
/// The same of one tenant's windows; one more is answered with 429.
pub const MAX_TENANT_HTTP_VISITS: usize = 512;
/// Of them all, those from one address (of IPv6, 64 bits); one more is answered with 429. Providers' requests and those
/// for customers' links count as visitors'.
pub const MAX_ADDRESS_HTTP_VISITS: usize = 64;
/// Requests that a tenant's visitors may have under way while any place is left.
pub const GUARANTEED_HTTP_VISITS: usize = 16;
/// HTTP connections open at once, event streams included; one more waits for its turn. Half of the descriptors that the
/// process may have, where that is less.
pub const MAX_HTTP_CONNECTIONS: usize = 16_384;
/// Milliseconds within which the head of a request has come, the time since the answer before it included; then the
/// connection is closed.
pub const MAX_HTTP_HEAD_MS: u64 = 20_000;
/// Milliseconds that an HTTP request may take to its answer; then it is answered with 503.
pub const MAX_REQUEST_MS: u64 = 30_000;
/// Milliseconds within which the body of a request has come in whole; then it is answered with 408.
pub const MAX_HTTP_BODY_MS: u64 = 25_000;
/// The same for the largest component that can be uploaded.
pub const MAX_UPLOAD_MS: u64 = MAX_REQUEST_MS + (MAX_COMPONENT_BYTES as u64 >> 20) * COMPILE_MS_PER_MIB;
/// Event streams of one tenant; one more is answered with 429.
pub const MAX_EVENT_STREAMS: usize = 64;
/// Bytes of an `Idempotency-Key`; a longer one is refused.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;
/// Items of one page of the HTTP interface; a larger wish is refused.
pub const MAX_HTTP_PAGE: usize = 200;

/// Bytes of an SDP body; a longer one is refused with 400.
pub const MAX_SDP_BYTES: usize = 16 * 1024;
/// Media lines of an SDP body; more are refused with 400.
pub const MAX_SDP_MEDIA: usize = 16;
/// Legs of one interaction that have sound at once; one more stays silent.
pub const MAX_SOUND_LEGS: usize = 8;
/// Digits sent by one order; the rest is dropped.
pub const MAX_SENT_DIGITS: usize = 64;
/// Plays that wait for their prompts to be loaded; one more reports at once that it failed.
pub const MAX_WAITING_PLAYS: usize = 4_096;
/// Frames of 20 ms that wait to be recorded, a second of 320 calls; further ones are recorded as silence.
pub const MAX_WAITING_FRAMES: usize = 16_384;
/// Bytes of a prompt file; a larger one is reported as failed.
pub const MAX_PROMPT_BYTES: u64 = 32 * 1024 * 1024;
/// Length of a prompt: 10 minutes; a longer file is reported as failed, longer speech is cut.
pub const MAX_PROMPT_MS: u64 = 10 * 60 * 1_000;
/// Samples of prompts kept in memory: 64 MiB; beyond, what was not used for longest goes.
pub const MAX_PROMPT_SAMPLES: usize = 32 * 1024 * 1024;
/// Spoken prompts kept on disk; beyond, the quarter that was made first is deleted.
pub const MAX_SPEECH_FILES: usize = 10_000;

/// Chat entries of one tenant; one more is refused.
pub const MAX_CHAT_ENTRIES: usize = 1_000;
/// Web pages that may embed one entry's chat window; more are refused.
pub const MAX_ALLOWED_ORIGINS: usize = 32;
/// Steps that one entry takes while a message stays without an answer; more are refused.
pub const MAX_UNANSWERED_STEPS: usize = 8;
/// Answers that one report of response times looks at; the rest is left out, and the report says so.
pub const MAX_RESPONSES: usize = 200_000;
/// Messages on one page of a conversation; a larger wish is cut to this.
pub const MAX_MESSAGES_PAGE: usize = 200;
/// Windows and desktops that listen to one conversation at once; one more is told to come back later.
pub const MAX_CHAT_LISTENERS: usize = 16;
/// Messages of one conversation; one more is refused.
pub const MAX_MESSAGES: u32 = 10_000;
/// Events that a chat flow has not been told yet; it is not told of what comes beyond, and finds it among the messages.
pub const MAX_OWED_EVENTS: usize = 32;
/// Bytes of the id that a sender gives a message, so that one that is sent twice counts once; a longer one is refused.
pub const MAX_CLIENT_ID_BYTES: usize = 64;
/// Messages of each side of a conversation whose sender's id is remembered; older ones would count twice.
pub const MAX_CLIENT_IDS: usize = 256;

/// Chat windows connected at once; one more is answered with 503, and the connections that are left serve everybody else.
pub const MAX_CHAT_SOCKETS: usize = 12_288;
/// Of them, those of one tenant; one more is answered with 429.
pub const MAX_TENANT_SOCKETS: usize = 8_192;
/// And those from one address (of IPv6, 64 bits); one more is answered with 429.
pub const MAX_ADDRESS_SOCKETS: usize = 256;

/// Bytes of an attachment of a written conversation; a larger one is refused with 413.
pub const MAX_ATTACHMENT_BYTES: u64 = 10 * 1024 * 1024;
/// Attachments of one conversation, those that were never sent among them; one more is refused.
pub const MAX_CONVERSATION_ATTACHMENTS: usize = 100;
/// Bytes of all attachments of one conversation; one that does not fit in is refused.
pub const MAX_CONVERSATION_ATTACHMENT_BYTES: u64 = 200 * 1024 * 1024;
/// Bytes of an attachment's name; a longer one is cut before its ending.
pub const MAX_ATTACHMENT_NAME_BYTES: usize = 128;
/// Pixels of a picture: 100 million. One that says that it has more is refused, whoever shows it would need 400 MB for it.
pub const MAX_ATTACHMENT_PIXELS: u64 = 100_000_000;
/// Milliseconds within which an attachment that was uploaded has to be sent: a day. An hour later it is removed.
pub const MAX_UNSENT_ATTACHMENT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Attachments of one tenant that are being uploaded at once; one more is answered with 429.
pub const MAX_TENANT_ATTACHING: usize = 32;

/// Cases of a tenant that are open or waiting; one more is refused.
pub const MAX_OPEN_CASES: u64 = 100_000;
/// Bytes of what is kept of one case; a change that would need more is refused.
pub const MAX_CASE_BYTES: usize = 40 * 1024;
/// Notes of one case; one more is refused.
pub const MAX_CASE_NOTES: usize = 200;
/// Hand-overs of one case that are kept; the oldest but the first goes for one more.
pub const MAX_CASE_HAND_OVERS: usize = 50;
/// Promises of one case; one more is refused.
pub const MAX_CASE_PROMISES: usize = 50;
/// Interactions of one case; one more is refused.
pub const MAX_CASE_INTERACTIONS: usize = 100;
/// How far ahead something may be promised: ten years. Later is refused.
pub const MAX_PROMISE_MS: u64 = 3_653 * 24 * 60 * 60 * 1_000;
/// Steps of the escalation of one category of cases; more are refused.
pub const MAX_ESCALATION_STEPS: usize = 8;
/// Categories of cases of a tenant; one more is refused.
pub const MAX_CASE_CATEGORIES: usize = 200;
/// Outlets of a tenant; one more is refused.
pub const MAX_OUTLETS: usize = 1_000;
/// Links for remote assistance of one interaction; one more is refused.
pub const MAX_ASSISTANCES: usize = 20;
/// Bytes of a configuration file for remote assistance; a larger one is refused.
pub const MAX_ASSISTANCE_FILE_BYTES: usize = 16 * 1024;
/// How long a link for remote assistance may be good: 7 days. Longer is refused.
pub const MAX_ASSISTANCE_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Hosts to which a tenant's links for remote assistance may lead; more are refused.
pub const MAX_ASSISTANCE_HOSTS: usize = 100;
/// Bytes of a token by which a site vouches for a visitor; a longer one is refused.
pub const MAX_IDENTITY_TOKEN_BYTES: usize = 4_096;

/// Purposes of a tenant's own for which customers are contacted; one more is refused.
pub const MAX_PURPOSES: usize = 32;

/// Channels of one tenant; one more is refused.
pub const MAX_CHANNELS: usize = 100;
/// Hosts to which the requests of one channel may go; more are refused.
pub const MAX_CHANNEL_HOSTS: usize = 16;
/// Secrets of one channel; more are refused.
pub const MAX_CHANNEL_SECRETS: usize = 16;
/// Bytes of a secret; a longer one is refused.
pub const MAX_CHANNEL_SECRET_BYTES: usize = 2_048;
/// Tokens that are fetched for one channel; more are refused.
pub const MAX_CHANNEL_TOKENS: usize = 4;
/// Headers, and parameters of the query, of a provider's request or response that a connector gets; the rest is left out.
pub const MAX_WEBHOOK_FIELDS: usize = 64;
/// Milliseconds within which a provider's request is answered, its turn included; then it is answered with 503. Providers
/// wait five seconds.
pub const MAX_WEBHOOK_MS: u64 = 4_500;
/// Answers to signed requests that one channel remembers, so that one that comes again is answered the same; the oldest is
/// forgotten.
pub const MAX_ANSWERED_WEBHOOKS: usize = 256;
/// Milliseconds that a receipt waits for the message that it is about, while messages are being sent; then it is dropped.
pub const MAX_RECEIPT_WAIT_MS: u64 = 2_000;
/// Milliseconds that a request to a provider may take; then the message is tried again.
pub const MAX_PROVIDER_MS: u64 = 10_000;
/// Requests to providers at once, of all tenants; one more waits.
pub const MAX_PROVIDER_REQUESTS: usize = 128;
/// The same of one tenant.
pub const MAX_TENANT_PROVIDER_REQUESTS: usize = 32;
/// Messages of one channel that wait in memory to be sent; further ones wait in the store.
pub const MAX_OUTBOX: usize = 100_000;
/// Attachments that are being fetched from providers at once, of all tenants; one more waits.
pub const MAX_FETCHES: usize = 64;
/// The same of one tenant.
pub const MAX_TENANT_FETCHES: usize = 8;
/// Milliseconds within which an attachment has to come in whole from its provider; then it is tried again.
pub const MAX_FETCH_MS: u64 = 60_000;
/// Redirects that are followed to fetch an attachment; one more, and it is refused.
pub const MAX_FETCH_REDIRECTS: usize = 3;
/// How long the link to an attachment that an agent sent through a provider is good: 7 days.
pub const ATTACHMENT_LINK_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Bytes of an e-mail that is taken, 25 MiB as told to senders; a larger one is refused with 552.
pub const MAX_MAIL_BYTES: usize = 25 * 1024 * 1024;
/// Recipients of one e-mail that is taken; one more is answered with 452, and its sender tries that one again.
pub const MAX_MAIL_RECIPIENTS: usize = 100;
/// Bytes of one line of an e-mail; a mail with a longer one is refused with 554. Most that is written keeps to 1,000.
pub const MAX_MAIL_LINE_BYTES: usize = 64 * 1024;
/// Parts of one e-mail that are looked at; further ones are named as not kept.
pub const MAX_MAIL_PARTS: usize = 64;
/// Servers that an e-mail may have come through; with more it goes round in circles and is refused with 554.
pub const MAX_MAIL_HOPS: usize = 50;
/// Bytes of an SMTP command; a longer one is answered with 500.
pub const MAX_SMTP_COMMAND_BYTES: usize = 2_048;
/// SMTP connections open at once; one more is answered with 421.
pub const MAX_SMTP_CONNECTIONS: usize = 256;
/// Of them, those from one address; one more is answered with 421.
pub const MAX_ADDRESS_SMTP_CONNECTIONS: usize = 64;
/// Bytes of e-mails that are coming in at once, of all connections; one that needs more is answered with 452.
pub const MAX_SMTP_BYTES: usize = 256 * 1024 * 1024;
/// Milliseconds within which something comes on an SMTP connection; then it is ended with 421.
pub const MAX_SMTP_IDLE_MS: u64 = 5 * 60 * 1_000;
/// Milliseconds that an SMTP connection may last; then it is closed.
pub const MAX_SMTP_CONNECTION_MS: u64 = 30 * 60 * 1_000;
/// Commands of one SMTP connection that are refused; then it is ended with 421.
pub const MAX_SMTP_ERRORS: u32 = 20;
/// Milliseconds within which an e-mail that is there in whole is taken by its channel; then it is answered with 451.
pub const MAX_MAIL_TAKING_MS: u64 = 60_000;
/// Bytes of an e-mail's subject that are kept; the rest is cut off.
pub const MAX_SUBJECT_BYTES: usize = 256;
/// Message-IDs that an answer refers to, the latest of its thread.
pub const MAX_MAIL_REFERENCES: usize = 20;
/// Bytes of all attachments of one e-mail that is sent; with more it fails with `too-large`.
pub const MAX_SENT_ATTACHMENT_BYTES: u64 = 20 * 1024 * 1024;
/// Further addresses of one e-mail channel; more are refused.
pub const MAX_MAIL_ALIASES: usize = 16;
/// Milliseconds that a relay has for taking one e-mail; then it is tried again.
pub const MAX_RELAY_MS: u64 = 120_000;
/// Automatic messages in one e-mail conversation within an hour; one more fails with `loop`.
pub const MAX_AUTOMATIC_MAILS: usize = 10;

/// Articles of one tenant's knowledge base; one more is refused.
pub const MAX_ARTICLES: u64 = 200_000;
/// Versions that are kept of an article; the oldest goes that is neither in force nor the latest.
pub const MAX_ARTICLE_VERSIONS: usize = 50;
/// Bytes of an article's text, or of a reply template's; a longer one is refused.
pub const MAX_ARTICLE_BYTES: usize = 16 * 1024;
/// Keywords of an article; more are refused.
pub const MAX_ARTICLE_KEYWORDS: usize = 32;
/// Queues for which an article or a template is meant; more are refused.
pub const MAX_ARTICLE_QUEUES: usize = 32;
/// Entries that one search in the knowledge base finds; a larger wish is refused.
pub const MAX_KNOWLEDGE_HITS: usize = 20;
/// Different words of a search that count; those that come later do not.
pub const MAX_QUERY_WORDS: usize = 24;
/// Articles whose uses wait to be written; a use of one more is not counted.
pub const MAX_PENDING_USES: usize = 10_000;
/// Shared reply templates of one tenant; one more is refused.
pub const MAX_TEMPLATES: usize = 1_000;
/// Reply templates of somebody's own; one more is refused.
pub const MAX_OWN_TEMPLATES: usize = 200;
/// Variables of one reply template, and values given with a request; more are refused.
pub const MAX_TEMPLATE_VARIABLES: usize = 32;
