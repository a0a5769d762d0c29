use std::collections::BTreeMap;

use jackfield_plugin::{
    Milliseconds,
    testing::{Call, Host},
    voice_flow::{
        AgentLeft, CallAction, CallEvent, CallInfo, Prompt, QueueExit, QueueProgress, SurveyAnswer,
        SurveyQuestion,
    },
};

use super::IvrMenu;

fn call(language: &str, config: &str) -> Call {
    let mut host = Host::new().with_config(config);
    host.call = Some(CallInfo {
        id: "call".to_owned(),
        caller: "+8613800138000".to_owned(),
        number: "+8675512345678".to_owned(),
        started_at: 0,
        language: language.to_owned(),
        attributes: Vec::new(),
    });
    Call::new(host)
}

fn step(call: &mut Call, event: CallEvent) -> Vec<CallAction> {
    call.step::<IvrMenu>(event).unwrap()
}

fn press(call: &mut Call, digits: &str) -> Vec<CallAction> {
    step(call, CallEvent::Digits(digits.to_owned()))
}

/// Everything that these actions say, with the language in front.
fn said(actions: &[CallAction]) -> String {
    let prompts = actions.iter().flat_map(|action| match action {
        CallAction::Play(prompts) => prompts.as_slice(),
        CallAction::Gather(gather) => &gather.prompts,
        CallAction::AskSurvey(question) => &question.prompts,
        _ => &[],
    });
    prompts
        .map(|prompt| match prompt {
            Prompt::Say(speech) => format!("[{}] {} ", speech.language, speech.text),
            Prompt::File(file) => format!("[file] {file} "),
            Prompt::Silence(_) => String::new(),
        })
        .collect()
}

fn attributes(actions: &[CallAction]) -> BTreeMap<&str, &str> {
    let set = actions.iter().filter_map(|action| match action {
        CallAction::Set(attribute) => Some((attribute.key.as_str(), attribute.value.as_str())),
        _ => None,
    });
    set.collect()
}

/// The queue that the caller is put into.
fn queue(actions: &[CallAction]) -> Option<&str> {
    match actions.last() {
        Some(CallAction::Enqueue(enqueue)) => Some(&enqueue.queue),
        _ => None,
    }
}

fn is_menu(actions: &[CallAction]) -> bool {
    matches!(actions.last(), Some(CallAction::Gather(_)))
}

fn question(actions: &[CallAction]) -> Option<&SurveyQuestion> {
    match actions.last() {
        Some(CallAction::AskSurvey(question)) => Some(question),
        _ => None,
    }
}

fn progress(position: u32, expected_wait: Option<Milliseconds>) -> CallEvent {
    CallEvent::QueueProgress(QueueProgress {
        queue: "sales".to_owned(),
        position,
        waited: 5_000,
        expected_wait,
    })
}

fn agent_left() -> CallEvent {
    CallEvent::AgentLeft(AgentLeft {
        agent: "ann".to_owned(),
        talked: 60_000,
    })
}

fn answered(question: &str, value: u8) -> CallEvent {
    CallEvent::SurveyAnswered(SurveyAnswer {
        question: question.to_owned(),
        value,
    })
}

#[test]
fn the_menu_speaks_the_numbers_language_and_offers_the_other() {
    let actions = step(&mut call("zh-CN", "{}"), CallEvent::Started);
    let text = said(&actions);
    assert!(
        text.contains("[zh-CN] 您好") && text.contains("销售请按1"),
        "{text}"
    );
    assert!(
        text.contains("人工服务请按0") && text.contains("[en] For English, press 9."),
        "{text}"
    );
    assert_eq!(attributes(&actions)["language"], "zh-CN");

    let text = said(&step(&mut call("fr", "{}"), CallEvent::Started));
    assert!(
        text.starts_with("[en] Welcome") && text.contains("For sales, press 1."),
        "{text}"
    );
    assert!(text.contains("[zh-CN] 中文服务请按9。"), "{text}");
}

#[test]
fn a_whole_call_from_the_menu_to_the_survey() {
    let mut call = call(
        "en",
        r#"{"language-skill": true, "survey": ["csat", "expectation"]}"#,
    );
    assert!(is_menu(&step(&mut call, CallEvent::Started)));

    let actions = press(&mut call, "1");
    assert_eq!(queue(&actions), Some("sales"));
    assert_eq!(attributes(&actions)["call-type"], "sales");
    let Some(CallAction::Enqueue(enqueue)) = actions.last() else {
        panic!()
    };
    assert_eq!(enqueue.needs[0].skill, "en");

    assert!(
        said(&step(&mut call, progress(3, Some(125_000))))
            .contains("number 3 in line. It should take about 3")
    );
    assert!(said(&step(&mut call, progress(1, None))).contains("next in line. Please stay"));
    assert!(step(&mut call, CallEvent::Answered("ann".to_owned())).is_empty());

    let actions = step(&mut call, agent_left());
    let asked = question(&actions).unwrap();
    assert_eq!((asked.id.as_str(), asked.lowest, asked.highest), ("csat", 1, 5));
    let actions = step(&mut call, answered("csat", 4));
    assert_eq!(question(&actions).unwrap().id, "expectation");
    let actions = step(&mut call, answered("expectation", 3));
    assert!(said(&actions).contains("Thank you for your answer"));
    assert_eq!(actions.last(), Some(&CallAction::End));
    assert!(step(&mut call, CallEvent::Ended).is_empty());
}

#[test]
fn the_language_changes_by_key_and_stays() {
    let mut call = call("en", "{}");
    step(&mut call, CallEvent::Started);
    let actions = press(&mut call, "9");
    assert!(said(&actions).contains("[zh-CN] 您好"));
    assert_eq!(attributes(&actions)["language"], "zh-CN");
    assert_eq!(attributes(&press(&mut call, "2"))["language"], "zh-CN");
    assert!(said(&step(&mut call, progress(2, Some(30_000)))).contains("您排在第2位，预计等待不到一分钟"));
    assert!(said(&step(&mut call, agent_left())).contains("非常满意"));
}

#[test]
fn zero_leads_to_a_human_at_any_point_of_the_menu() {
    let mut call = call("en", r#"{"human": {"queue": "front-desk", "priority": 5}}"#);
    step(&mut call, CallEvent::Started);
    press(&mut call, "3");
    press(&mut call, "7");
    let actions = press(&mut call, "0");
    assert_eq!(queue(&actions), Some("front-desk"));
    assert_eq!(attributes(&actions)["call-type"], "human");
}

#[test]
fn self_service_answers_and_says_the_menu_again() {
    let mut call = call("en", "{}");
    step(&mut call, CallEvent::Started);
    let actions = press(&mut call, "3");
    assert!(is_menu(&actions) && said(&actions).contains("Monday to Friday"));
    assert_eq!(attributes(&actions)["self-service"], "opening-hours");
}

#[test]
fn wrong_and_missing_digits_end_at_a_human() {
    let mut call = call("en", "{}");
    step(&mut call, CallEvent::Started);
    assert!(said(&press(&mut call, "8")).contains("not one of the choices"));
    assert!(said(&step(&mut call, CallEvent::NoInput)).contains("did not hear"));
    assert_eq!(queue(&step(&mut call, CallEvent::NoInput)), Some("support"));
}

#[test]
fn a_queue_that_gives_the_caller_back_ends_politely() {
    for exit in [QueueExit::Full, QueueExit::MaxWait] {
        let mut call = call("zh-CN", "{}");
        step(&mut call, CallEvent::Started);
        press(&mut call, "1");
        let actions = step(&mut call, CallEvent::QueueLeft(exit));
        assert!(said(&actions).contains("非常抱歉") && said(&actions).contains("再见"));
        assert_eq!(actions.last(), Some(&CallAction::End));
    }
}

#[test]
fn an_unknown_queue_leads_to_the_human_once() {
    let mut call = call("en", "{}");
    step(&mut call, CallEvent::Started);
    press(&mut call, "1");
    let gone = || CallEvent::QueueLeft(QueueExit::UnknownQueue);
    assert_eq!(queue(&step(&mut call, gone())), Some("support"));
    let actions = step(&mut call, gone());
    assert_eq!(attributes(&actions)["queue-left"], "unknown-queue");
    assert_eq!(actions.last(), Some(&CallAction::End));
}

#[test]
fn an_unanswered_question_is_asked_once_more() {
    let mut call = call("en", r#"{"survey": ["csat", "expectation"]}"#);
    step(&mut call, CallEvent::Started);
    press(&mut call, "1");
    step(&mut call, agent_left());
    assert_eq!(question(&step(&mut call, CallEvent::NoInput)).unwrap().id, "csat");
    assert_eq!(step(&mut call, CallEvent::NoInput).last(), Some(&CallAction::End));
}

#[test]
fn without_a_survey_the_call_ends_with_thanks() {
    let mut call = call("en", r#"{"survey": []}"#);
    step(&mut call, CallEvent::Started);
    press(&mut call, "1");
    let actions = step(&mut call, agent_left());
    assert!(said(&actions).contains("Goodbye"));
    assert_eq!(actions.last(), Some(&CallAction::End));
}

#[test]
fn the_menu_is_configured() {
    let config = r#"{
        "languages": ["zh-CN"],
        "greeting": {"zh-CN": {"file": "welcome.wav"}},
        "menu": [{
            "key": "5", "id": "card-lost", "label": {"zh-CN": "挂失"},
            "target": {"queue": {"queue": "cards", "needs": [{"skill": "cards", "level": 4}], "priority": 50}}
        }]
    }"#;
    let mut call = call("en", config);
    let text = said(&step(&mut call, CallEvent::Started));
    assert!(
        text.contains("[file] welcome.wav") && text.contains("挂失请按5") && !text.contains("English"),
        "{text}"
    );
    let actions = press(&mut call, "5");
    let Some(CallAction::Enqueue(enqueue)) = actions.last() else {
        panic!()
    };
    assert_eq!((enqueue.needs[0].level, enqueue.priority), (4, 50));
}

#[test]
fn a_bad_menu_is_named() {
    let choice =
        |key: &str| format!(r#"{{"key": "{key}", "id": "a", "label": {{}}, "target": {{"say": {{}}}}}}"#);
    for (config, part) in [
        (
            format!(r#"{{"menu": [{}]}}"#, choice("0")),
            "\"0\" is taken twice",
        ),
        (
            format!(r#"{{"menu": [{}, {}]}}"#, choice("1"), choice("1")),
            "\"1\" is taken twice",
        ),
        (format!(r#"{{"menu": [{}]}}"#, choice("#")), "one digit"),
        (r#"{"languages": []}"#.to_owned(), "languages"),
        (r#"{"menus": []}"#.to_owned(), "menus"),
    ] {
        let error = call("en", &config)
            .step::<IvrMenu>(CallEvent::Started)
            .unwrap_err();
        assert_eq!(error.code, "bad-config");
        assert!(error.message.contains(part), "{}", error.message);
    }
}
