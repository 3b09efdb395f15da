"""A thousand messages each way: none lost, none doubled, all in order."""

COUNT = 1000


def test_a_thousand_to_sip(juliet, romeo):
    for number in range(COUNT):
        juliet.says(f"message {number}", to="romeo@sip.xmpp.test")
    for number in range(COUNT):
        romeo.hears(f"message {number}", within=30)
    assert romeo.unheard() == []
    assert juliet.unheard() == []


def test_a_thousand_to_xmpp(juliet, romeo):
    for number in range(COUNT):
        romeo.says(f"message {number}", to="juliet@xmpp.test")
    for number in range(COUNT):
        juliet.hears(f"message {number}", within=30)
    assert juliet.unheard() == []
    assert romeo.unheard() == []


def test_arch_043_ten_in_a_queue_keep_their_order(juliet, romeo):
    for number in range(10):
        juliet.says(f"to sip {number}", to="romeo@sip.xmpp.test")
    for number in range(10):
        romeo.says(f"to xmpp {number}", to="juliet@xmpp.test")
    for number in range(10):
        romeo.hears(f"to sip {number}")
        juliet.hears(f"to xmpp {number}")
