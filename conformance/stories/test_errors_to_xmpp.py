"""What juliet is told when SIP says no. The proxy answers for users named after a status: answer404, moved301."""

import pytest

TYPES = {
    "auth": ("forbidden", "not-authorized", "registration-required", "subscription-required"),
    "modify": ("bad-request", "jid-malformed", "not-acceptable", "redirect", "policy-violation"),
    "wait": ("recipient-unavailable", "remote-server-timeout", "resource-constraint", "unexpected-request"),
    "cancel": ("feature-not-implemented", "gone", "internal-server-error", "item-not-found",
               "remote-server-not-found", "service-unavailable"),
}

# RFC 7247 Table 3, a requirement's number to each row
TABLE = (
    (33, 305, "redirect"), (34, 380, "not-acceptable"), (35, 400, "bad-request"), (36, 401, "not-authorized"),
    (37, 402, "bad-request"), (38, 403, "forbidden"), (39, 404, "item-not-found"),
    (40, 405, "feature-not-implemented"), (41, 406, "not-acceptable"), (42, 407, "registration-required"),
    (43, 408, "remote-server-timeout"), (44, 410, "gone"), (45, 413, "policy-violation"),
    (46, 414, "policy-violation"), (48, 416, "not-acceptable"), (49, 420, "feature-not-implemented"),
    (50, 421, "not-acceptable"), (51, 423, "resource-constraint"), (52, 430, "recipient-unavailable"),
    (53, 439, "feature-not-implemented"), (54, 440, "policy-violation"), (55, 480, "recipient-unavailable"),
    (56, 481, "item-not-found"), (57, 482, "not-acceptable"), (58, 483, "not-acceptable"),
    (59, 484, "item-not-found"), (60, 485, "item-not-found"), (61, 486, "recipient-unavailable"),
    (62, 487, "recipient-unavailable"), (63, 488, "not-acceptable"), (64, 489, "policy-violation"),
    (65, 491, "unexpected-request"), (66, 493, "bad-request"), (67, 500, "internal-server-error"),
    (68, 501, "feature-not-implemented"), (69, 502, "remote-server-not-found"), (70, 503, "internal-server-error"),
    (71, 504, "remote-server-timeout"), (72, 505, "not-acceptable"), (73, 513, "policy-violation"),
    (74, 600, "recipient-unavailable"), (75, 603, "recipient-unavailable"), (76, 604, "item-not-found"),
    (77, 606, "not-acceptable"), (78, 399, "redirect"), (79, 412, "bad-request"),
    (80, 555, "internal-server-error"), (81, 607, "recipient-unavailable"),
)


@pytest.fixture(scope="module")
def juliet_stays(verona):
    """One login for the whole table."""
    juliet = verona.xmpp_user("juliet", resource="table")
    yield juliet
    juliet.logout()


def type_of(condition, status):
    """RFC 6120 §8.3.3's recommendation; 440 is load, so waiting helps."""
    if status == 440:
        return "wait"
    return next(kind for kind, conditions in TYPES.items() if condition in conditions)


def juliet_learns(juliet, status, condition):
    user = f"answer{status}@sip.xmpp.test"
    sent = juliet.says("knock knock", to=user)
    error = juliet.gets_error(sent, condition, type_of(condition, status))
    assert error.sender == user
    assert error["to"] == juliet.full_jid
    words, _, answer = error.error.text.rpartition(" (")
    assert len(words) > 10 and answer.startswith(str(status)), error.error.text
    assert juliet.unheard() == []


def make_story(status, condition):
    def story(juliet_stays):
        juliet_learns(juliet_stays, status, condition)
    return story


for row, status, condition in TABLE:
    name = f"test_err_{row:03}_{status}_is_{condition.replace('-', '_')}"
    globals()[name] = make_story(status, condition)


def test_err_031_moved_for_good(juliet):
    sent = juliet.says("hello?", to="moved301@sip.xmpp.test")
    assert juliet.gets_error(sent, "gone").error.address == "xmpp:new@sip.xmpp.test"

    sent = juliet.says("hello?", to="answer301@sip.xmpp.test")
    assert juliet.gets_error(sent, "gone").error.address == ""


def test_err_032_moved_for_now(juliet):
    sent = juliet.says("hello?", to="moved302@sip.xmpp.test")
    assert juliet.gets_error(sent, "redirect").error.address == "xmpp:new@sip.xmpp.test"


def test_err_030_several_choices(juliet):
    sent = juliet.says("hello?", to="moved300@sip.xmpp.test")
    assert juliet.gets_error(sent, "redirect").error.address == "xmpp:new@sip.xmpp.test"


def test_an_unknown_sip_user(juliet):
    sent = juliet.says("who is there?", to="nobody@sip.xmpp.test")
    error = juliet.gets_error(sent, "item-not-found", "cancel")
    assert error.sender == "nobody@sip.xmpp.test"


def test_msg_017_a_no_comes_back_with_the_same_id(juliet):
    juliet.says("hello?", to="nobody@sip.xmpp.test", id="exactly-this-id")
    error = juliet.gets_error("exactly-this-id", "item-not-found")
    assert (error.sender, error["to"]) == ("nobody@sip.xmpp.test", juliet.full_jid)


def test_a_busy_user_agent(juliet, romeo):
    romeo.answers(486)
    sent = juliet.says("busy?", to="romeo@sip.xmpp.test")
    juliet.gets_error(sent, "recipient-unavailable", "wait")

    juliet.says("and now?", to="romeo@sip.xmpp.test")
    romeo.hears("and now?")


def test_a_user_agent_that_never_answers(juliet, romeo):
    """The proxy gives up on it with 408."""
    romeo.answers(None)
    sent = juliet.says("asleep?", to="romeo@sip.xmpp.test")
    juliet.gets_error(sent, "remote-server-timeout", "wait")


def test_err_084_the_reason_reaches_juliet(juliet):
    sent = juliet.says("why?", to="answer480@sip.xmpp.test")
    text = juliet.gets_error(sent).error.text
    assert text.endswith(" (480 Temporarily Unavailable: Scripted Answer)"), text


def test_msg_022_an_error_is_never_answered(juliet, romeo):
    juliet.sends_raw("<message to='nobody@sip.xmpp.test' type='error' id='e1'><body>lost</body><error type='cancel'>"
                     "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    juliet.says("a marker", to="romeo@sip.xmpp.test")
    romeo.hears("a marker")
    romeo.says("another", to="juliet@xmpp.test")
    juliet.hears("another")
    assert juliet.unheard() == []
