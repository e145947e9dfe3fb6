"""Replies: how a server signs them, and what a client believes."""

from __future__ import annotations

import hmac

import pytest

from radius.errors import DiscardReason, PacketDiscarded
from radius.packet import REPLIES, Attribute, Code, Packet, decode, encode_reply, encode_request, verify_reply
from tests.support.radius_octets import SECRET, digest_of, packet_octets

USER_NAME = (1, b"resident")
PROXY_STATES = [(33, b"first"), (33, b"second")]
MESSAGE_AUTHENTICATOR = 80
EAP_MESSAGE = 79


def access_request() -> Packet:
    return encode_request(Code.ACCESS_REQUEST, 7, [USER_NAME], SECRET)


class TestReplies:
    @pytest.mark.parametrize("code", sorted(REPLIES[Code.ACCESS_REQUEST]))
    def test_replies_to_access_request_begin_with_message_authenticator(self, code: Code) -> None:
        request = access_request()
        octets = encode_reply(code, request, [(18, b"Croeso"), (25, b"class")], SECRET)
        reply = decode(octets)
        assert octets[20:22] == b"\x50\x12"
        assert [kind for kind, _ in reply.attributes] == [MESSAGE_AUTHENTICATOR, 18, 25]
        unsigned = octets[:4] + request.authenticator + octets[20:22] + bytes(16) + octets[38:]
        assert reply.attributes[0][1] == hmac.new(SECRET, unsigned, "md5").digest()
        assert reply.authenticator == digest_of(octets, request.authenticator)
        verify_reply(reply, request, SECRET)

    @pytest.mark.parametrize(
        ("request_code", "reply_code"),
        [(request, reply) for request in REPLIES for reply in sorted(REPLIES[request])],
    )
    def test_proxy_state_is_echoed_in_order_at_the_end_of_every_reply(
        self, request_code: Code, reply_code: Code
    ) -> None:
        attributes = [PROXY_STATES[0], USER_NAME, PROXY_STATES[1]]
        request = encode_request(request_code, 7, attributes, SECRET)
        reply = decode(encode_reply(reply_code, request, [(18, b"text")], SECRET))
        assert list(reply.attributes[-3:]) == [(18, b"text"), *PROXY_STATES]
        verify_reply(reply, request, SECRET)

    def test_an_accounting_response_is_twenty_octets(self) -> None:
        request = encode_request(Code.ACCOUNTING_REQUEST, 7, [USER_NAME], SECRET)
        expected = packet_octets(5, bytes(16), [])
        expected = expected[:4] + digest_of(expected, request.authenticator)
        assert encode_reply(Code.ACCOUNTING_RESPONSE, request, [], SECRET) == expected

    def test_the_same_reply_is_the_same_octets(self) -> None:
        request = access_request()
        replies = {encode_reply(Code.ACCESS_REJECT, request, [(18, b"no")], SECRET) for _ in range(3)}
        assert len(replies) == 1


class TestVerifyingReplies:
    sent = encode_request(Code.ACCESS_REQUEST, 7, [USER_NAME], SECRET)

    def reason(self, reply: bytes, request: Packet | None = None, secret: bytes = SECRET) -> DiscardReason:
        with pytest.raises(PacketDiscarded) as discarded:
            verify_reply(decode(reply), request or self.sent, secret)
        return discarded.value.reason

    def unprotected(self, code: Code, attributes: list[Attribute]) -> bytes:
        octets = packet_octets(code, bytes(16), attributes)
        return octets[:4] + digest_of(octets, self.sent.authenticator) + octets[20:]

    def test_a_reply_to_another_request_is_discarded(self) -> None:
        reply = encode_reply(Code.ACCESS_ACCEPT, access_request(), [], SECRET)
        assert self.reason(reply) is DiscardReason.REPLY_AUTHENTICATOR_WRONG

    def test_a_reply_with_another_identifier_is_discarded(self) -> None:
        reply = bytearray(encode_reply(Code.ACCESS_ACCEPT, self.sent, [], SECRET))
        reply[1] += 1
        assert self.reason(bytes(reply)) is DiscardReason.UNEXPECTED_IDENTIFIER

    def test_a_reply_of_another_kind_is_discarded(self) -> None:
        accounting = encode_request(Code.ACCOUNTING_REQUEST, 7, [], SECRET)
        reply = encode_reply(Code.ACCOUNTING_RESPONSE, accounting, [], SECRET)
        assert self.reason(reply) is DiscardReason.UNEXPECTED_CODE

    def test_a_reject_that_was_turned_into_an_accept_is_discarded(self) -> None:
        reply = bytearray(encode_reply(Code.ACCESS_REJECT, self.sent, [], SECRET))
        reply[0] = Code.ACCESS_ACCEPT
        assert self.reason(bytes(reply)) is DiscardReason.REPLY_AUTHENTICATOR_WRONG

    def test_a_reply_made_with_another_secret_is_discarded(self) -> None:
        reply = encode_reply(Code.ACCESS_ACCEPT, self.sent, [], SECRET)
        assert self.reason(reply, secret=b"another") is DiscardReason.REPLY_AUTHENTICATOR_WRONG

    def test_an_accept_without_message_authenticator_is_discarded_unless_allowed(self) -> None:
        """What BlastRADIUS forges has a good Response Authenticator and no Message-Authenticator."""
        forged = self.unprotected(Code.ACCESS_ACCEPT, [(33, b"collision")])
        assert self.reason(forged) is DiscardReason.MESSAGE_AUTHENTICATOR_MISSING
        verify_reply(decode(forged), self.sent, SECRET, require_message_authenticator=False)

    def test_an_accept_with_a_wrong_message_authenticator_is_discarded(self) -> None:
        forged = self.unprotected(Code.ACCESS_ACCEPT, [(MESSAGE_AUTHENTICATOR, bytes(16))])
        assert self.reason(forged) is DiscardReason.MESSAGE_AUTHENTICATOR_WRONG

    def test_a_challenge_with_eap_and_without_message_authenticator_is_discarded(self) -> None:
        forged = self.unprotected(Code.ACCESS_CHALLENGE, [(EAP_MESSAGE, bytes([1, 1, 0, 4]))])
        assert self.reason(forged) is DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR

    def test_replies_of_accounting_and_equipment_need_no_message_authenticator(self) -> None:
        for code in (Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST):
            request = encode_request(code, 3, [USER_NAME], SECRET)
            reply = decode(encode_reply(min(REPLIES[code]), request, [], SECRET))
            assert not reply.message_authenticator_at
            verify_reply(reply, request, SECRET)
