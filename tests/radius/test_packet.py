"""What the codec promises, proven with the RFCs' own examples and with digests computed here by hand."""

from __future__ import annotations

import hmac
import socket
import subprocess

import pytest

from radius.errors import DiscardReason, LocalFaultError, MalformedAttributeError, PacketDiscarded, UnencodableError
from radius.packet import (
    REPLIES,
    Attribute,
    Code,
    Packet,
    decode,
    encode_reply,
    encode_request,
    hide_password,
    new_authenticator,
    reveal_password,
    verify_reply,
    verify_request,
)
from tests.support.peers import Peers
from tests.support.radius_octets import SECRET, packet_octets, signed_octets

RFC_SECRET = b"xyzzy5461"
AUTHENTICATOR = bytes(range(16))
USER_NAME = (1, b"resident")
MESSAGE_AUTHENTICATOR = 80
EAP_MESSAGE = 79

# RFC 2865 section 7: request, reply; head, authenticator, attributes.
TELNET_LOGIN = (
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee "
    "0406c0a80110 050600000003",
    "02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103",
)
FRAMED_CHAP = (
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379 "
    "031316e97557c316185895f293ff6344077275 0406c0a80110 050600000014 060600000002 070600000001",
    "02010038 15efbc7dab26cfa3dc34d9c03c8601a4 060600000002 070600000001 0806fffffffe 0a0600000002 "
    "0d0600000001 0c06000005dc",
)
CHALLENGED = (
    "01020039 f3a47a1f6a6d76710b947ab93041a039 01076d6f707379 021233657573778289b570885e15084825c5 "
    "0406c0a80110 050600000007",
    "0b02004e 36f3c8764ae8c71157403c0c71ff9c45 "
    "12304368616c6c656e67652033323736393433302e2020456e74657220726573706f6e73652061742070726f6d70742e "
    "180a3332373639343330",
)
CHALLENGE_ANSWERED = (
    "01030043 b122556d428a13d0d6253807c457ecf0 01076d6f707379 0212692c1f205fc081b919b95195f561a581 "
    "0406c0a80110 050600000007 180a3332373639343330",
    "03030014 a42f4fca45916c4e09c8340f9e746aa0",
)
# RFC 5997 section 6: to the authentication port, to the accounting port.
STATUS_OF_AUTHENTICATION = (
    "0cda0026 8a54f4686fb394c52866e302185d0623 50125a665e2e1e8411f3e243822097c84fa3",
    "02da0014 ef0d552a4bf2d693ec2b6fe8b5411d66",
)
STATUS_OF_ACCOUNTING = (
    "0cb30026 925f6b66dd5fed571fcb1db7ad388260 5012e8d6eabda910875cd91fdade26367858",
    "05b30014 0f6f92145f107e2f504e860a4860669c",
)


def discard_reason_of_request(octets: bytes, **options: bool) -> DiscardReason:
    with pytest.raises(PacketDiscarded) as discarded:
        verify_request(decode(octets), SECRET, **options)
    return discarded.value.reason


def access_request(*attributes: Attribute) -> Packet:
    return encode_request(Code.ACCESS_REQUEST, 7, attributes or (USER_NAME,), SECRET)


class TestExamplesOfTheRfcs:
    @pytest.mark.parametrize("example", [TELNET_LOGIN, FRAMED_CHAP, CHALLENGED, CHALLENGE_ANSWERED])
    def test_rfc_2865_replies_verify_against_their_requests(self, example: tuple[str, str]) -> None:
        request, reply = (decode(bytes.fromhex(text)) for text in example)
        verify_request(request, RFC_SECRET, require_message_authenticator=False)
        verify_reply(reply, request, RFC_SECRET, require_message_authenticator=False)

    @pytest.mark.parametrize(
        ("example", "password"),
        [(TELNET_LOGIN, b"arctangent"), (CHALLENGED, b"challenge"), (CHALLENGE_ANSWERED, b"99101462")],
    )
    def test_rfc_2865_passwords_are_hidden_and_revealed(self, example: tuple[str, str], password: bytes) -> None:
        request = decode(bytes.fromhex(example[0]))
        hidden = dict(request.attributes)[2]
        assert reveal_password(hidden, RFC_SECRET, request.authenticator) == password
        assert hide_password(password, RFC_SECRET, request.authenticator) == hidden

    @pytest.mark.parametrize("example", [STATUS_OF_AUTHENTICATION, STATUS_OF_ACCOUNTING])
    def test_rfc_5997_status_server_verifies(self, example: tuple[str, str]) -> None:
        request, reply = (decode(bytes.fromhex(text)) for text in example)
        assert request.code is Code.STATUS_SERVER
        verify_request(request, RFC_SECRET)
        # The RFC's replies are from before BlastRADIUS.
        verify_reply(reply, request, RFC_SECRET, require_message_authenticator=False)

    def test_every_octet_of_a_packet_is_read(self) -> None:
        request = decode(bytes.fromhex(TELNET_LOGIN[0]))
        assert (request.code, request.identifier) == (Code.ACCESS_REQUEST, 0)
        assert request.authenticator.hex() == "0f403f9473978057bd83d5cb98f4227a"
        assert [kind for kind, _ in request.attributes] == [1, 2, 4, 5]
        assert request.attributes[0] == (1, b"nemo")
        assert request.attributes[2] == (4, bytes([192, 168, 1, 16]))


class TestDecoding:
    def test_octets_beyond_the_length_field_are_padding(self) -> None:
        request = access_request()
        padded = decode(request.octets + b"\x00\x17padding")
        assert padded == request
        verify_request(padded, SECRET)

    def test_a_packet_without_attributes_is_well_formed(self) -> None:
        assert decode(packet_octets(5, AUTHENTICATOR, [])).attributes == ()

    def test_the_longest_packet_is_accepted(self) -> None:
        attributes = [(18, bytes(253))] * 15 + [(18, bytes(249))]
        octets = packet_octets(2, AUTHENTICATOR, attributes)
        assert len(octets) == 4096
        assert decode(octets).attributes == tuple(attributes)

    def test_repeated_attributes_are_kept_in_their_order(self) -> None:
        attributes = [(18, b"one"), (25, b"x"), (18, b"two")]
        assert decode(packet_octets(2, AUTHENTICATOR, attributes)).attributes == tuple(attributes)

    def test_a_packet_shows_no_personal_data(self) -> None:
        assert "resident" not in repr(access_request())
        assert str(access_request()) == "Packet(ACCESS_REQUEST, identifier=7, 2 attributes)"


class TestAccessRequest:
    def test_message_authenticator_comes_first_and_is_the_hmac_of_the_packet(self) -> None:
        request = encode_request(Code.ACCESS_REQUEST, 7, [USER_NAME], SECRET, authenticator=AUTHENTICATOR)
        unsigned = packet_octets(1, AUTHENTICATOR, [(MESSAGE_AUTHENTICATOR, bytes(16)), USER_NAME])
        expected = hmac.new(SECRET, unsigned, "md5").digest()
        assert request.octets == packet_octets(1, AUTHENTICATOR, [(MESSAGE_AUTHENTICATOR, expected), USER_NAME])

    def test_message_authenticator_is_verified_wherever_it_stands(self) -> None:
        unsigned = packet_octets(1, AUTHENTICATOR, [USER_NAME, (MESSAGE_AUTHENTICATOR, bytes(16)), (5, bytes(4))])
        digest = hmac.new(SECRET, unsigned, "md5").digest()
        attributes = [USER_NAME, (MESSAGE_AUTHENTICATOR, digest), (5, bytes(4))]
        verify_request(decode(packet_octets(1, AUTHENTICATOR, attributes)), SECRET)

    def test_without_message_authenticator_it_is_discarded_unless_allowed(self) -> None:
        octets = packet_octets(1, AUTHENTICATOR, [USER_NAME])
        assert discard_reason_of_request(octets) is DiscardReason.MESSAGE_AUTHENTICATOR_MISSING
        verify_request(decode(octets), SECRET, require_message_authenticator=False)

    def test_a_wrong_message_authenticator_is_discarded_even_where_none_is_required(self) -> None:
        octets = packet_octets(1, AUTHENTICATOR, [(MESSAGE_AUTHENTICATOR, bytes(16)), USER_NAME])
        reason = discard_reason_of_request(octets, require_message_authenticator=False)
        assert reason is DiscardReason.MESSAGE_AUTHENTICATOR_WRONG

    def test_eap_without_message_authenticator_is_discarded_even_where_none_is_required(self) -> None:
        octets = packet_octets(1, AUTHENTICATOR, [USER_NAME, (EAP_MESSAGE, bytes([2, 1, 0, 5, 1]))])
        reason = discard_reason_of_request(octets, require_message_authenticator=False)
        assert reason is DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR

    def test_requests_have_unpredictable_authenticators(self) -> None:
        assert access_request().authenticator != access_request().authenticator
        assert len(new_authenticator()) == 16


class TestStatusServer:
    def test_it_needs_a_message_authenticator_whatever_the_setting(self) -> None:
        octets = packet_octets(12, AUTHENTICATOR, [])
        reason = discard_reason_of_request(octets, require_message_authenticator=False)
        assert reason is DiscardReason.MESSAGE_AUTHENTICATOR_MISSING

    @pytest.mark.parametrize("code", [Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE])
    def test_it_is_answered_on_either_port_with_message_authenticator_first(self, code: Code) -> None:
        request = encode_request(Code.STATUS_SERVER, 9, [], SECRET)
        reply = decode(encode_reply(code, request, [], SECRET))
        assert [kind for kind, _ in reply.attributes] == [MESSAGE_AUTHENTICATOR]
        verify_reply(reply, request, SECRET)


class TestRequestsSignedByTheirAuthenticator:
    """Accounting (RFC 2866 section 3) and dynamic authorisation (RFC 5176 section 2.3)."""

    @pytest.mark.parametrize("code", [Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
    def test_the_authenticator_is_the_digest_with_sixteen_zero_octets(self, code: Code) -> None:
        octets = signed_octets(code, [USER_NAME])
        verify_request(decode(octets), SECRET)
        altered = octets[:-1] + b"T"
        assert discard_reason_of_request(altered) is DiscardReason.REQUEST_AUTHENTICATOR_WRONG
        foreign = signed_octets(code, [USER_NAME], b"another secret")
        assert discard_reason_of_request(foreign) is DiscardReason.REQUEST_AUTHENTICATOR_WRONG

    def test_accounting_is_encoded_as_the_rfc_has_it(self) -> None:
        request = encode_request(Code.ACCOUNTING_REQUEST, 7, [USER_NAME], SECRET)
        assert request.octets == signed_octets(Code.ACCOUNTING_REQUEST, [USER_NAME])

    @pytest.mark.parametrize("code", [Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
    def test_dynamic_authorisation_has_a_message_authenticator_made_before_the_authenticator(self, code: Code) -> None:
        unsigned = packet_octets(code, bytes(16), [(MESSAGE_AUTHENTICATOR, bytes(16)), USER_NAME])
        digest = hmac.new(SECRET, unsigned, "md5").digest()
        expected = signed_octets(code, [(MESSAGE_AUTHENTICATOR, digest), USER_NAME])
        request = encode_request(code, 7, [USER_NAME], SECRET)
        assert request.octets == expected
        verify_request(request, SECRET)

    @pytest.mark.parametrize("code", [Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
    def test_a_wrong_message_authenticator_is_discarded(self, code: Code) -> None:
        octets = signed_octets(code, [USER_NAME, (MESSAGE_AUTHENTICATOR, bytes(16))])
        assert discard_reason_of_request(octets) is DiscardReason.MESSAGE_AUTHENTICATOR_WRONG


class TestWhatIsNoRequest:
    @pytest.mark.parametrize("code", sorted(set(Code) - set(REPLIES)))
    def test_it_is_discarded_by_a_server(self, code: Code) -> None:
        octets = signed_octets(code, [USER_NAME])
        assert discard_reason_of_request(octets) is DiscardReason.UNEXPECTED_CODE


class TestPasswords:
    @pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 127, 128])
    def test_they_are_octets_of_any_length_up_to_128(self, length: int) -> None:
        password = bytes(255 - i for i in range(length))
        hidden = hide_password(password, SECRET, AUTHENTICATOR)
        assert len(hidden) == max(16, -(-length // 16) * 16)
        assert reveal_password(hidden, SECRET, AUTHENTICATOR) == password

    def test_a_wrong_secret_reveals_other_octets(self) -> None:
        hidden = hide_password(b"library", SECRET, AUTHENTICATOR)
        assert reveal_password(hidden, b"another", AUTHENTICATOR) != b"library"

    def test_one_that_is_too_long_is_our_fault(self) -> None:
        with pytest.raises(UnencodableError, match="at most 128 octets, not 129"):
            hide_password(bytes(129), SECRET, AUTHENTICATOR)

    @pytest.mark.parametrize("length", [0, 1, 15, 17, 144])
    def test_a_hidden_one_of_another_length_is_the_remote_ends_fault(self, length: int) -> None:
        with pytest.raises(MalformedAttributeError, match="User-Password is malformed") as malformed:
            reveal_password(bytes(length), SECRET, AUTHENTICATOR)
        assert malformed.value.reason is DiscardReason.ATTRIBUTE_MALFORMED


class TestWhatCannotBeSent:
    @pytest.mark.parametrize(
        ("attribute", "complaint"),
        [
            ((18, bytes(254)), "attribute 18 of 254 octets"),
            ((0, b"x"), "attribute 0 of 1 octets"),
            ((256, b"x"), "attribute 256 of 1 octets"),
            ((-1, b"x"), "attribute -1 of 1 octets"),
            ((MESSAGE_AUTHENTICATOR, bytes(16)), "Message-Authenticator is added by the codec"),
        ],
    )
    def test_attributes(self, attribute: Attribute, complaint: str) -> None:
        with pytest.raises(UnencodableError, match=complaint):
            encode_request(Code.ACCESS_REQUEST, 0, [attribute], SECRET)
        with pytest.raises(UnencodableError, match=complaint):
            encode_reply(Code.ACCESS_ACCEPT, access_request(), [attribute], SECRET)

    def test_packets_of_more_than_4096_octets(self) -> None:
        with pytest.raises(UnencodableError, match="a packet of 4118 octets is over 4096"):
            encode_reply(Code.ACCESS_ACCEPT, access_request(), [(18, bytes(253))] * 16, SECRET)

    def test_replies_that_do_not_answer_the_request(self) -> None:
        with pytest.raises(UnencodableError, match="ACCOUNTING_RESPONSE does not answer ACCESS_REQUEST"):
            encode_reply(Code.ACCOUNTING_RESPONSE, access_request(), [], SECRET)

    def test_requests_that_are_none(self) -> None:
        with pytest.raises(UnencodableError, match="ACCESS_ACCEPT is not a request"):
            encode_request(Code.ACCESS_ACCEPT, 0, [], SECRET)

    @pytest.mark.parametrize("identifier", [-1, 256])
    def test_identifiers_of_more_than_an_octet(self, identifier: int) -> None:
        with pytest.raises(UnencodableError, match=f"from 0 to 255, not {identifier}"):
            encode_request(Code.ACCESS_REQUEST, identifier, [], SECRET)

    def test_authenticators_of_another_length_or_for_the_wrong_request(self) -> None:
        with pytest.raises(UnencodableError, match="16 octets, not 15"):
            encode_request(Code.ACCESS_REQUEST, 0, [], SECRET, authenticator=bytes(15))
        with pytest.raises(UnencodableError, match="follows from its content"):
            encode_request(Code.ACCOUNTING_REQUEST, 0, [], SECRET, authenticator=AUTHENTICATOR)

    def test_an_empty_secret_protects_nothing_and_is_refused_everywhere(self) -> None:
        request = access_request()
        reply = decode(encode_reply(Code.ACCESS_ACCEPT, request, [], SECRET))
        for use_secret in (
            lambda: verify_request(request, b""),
            lambda: verify_reply(reply, request, b""),
            lambda: encode_reply(Code.ACCESS_ACCEPT, request, [], b""),
            lambda: encode_request(Code.ACCESS_REQUEST, 0, [], b""),
            lambda: hide_password(b"x", b"", AUTHENTICATOR),
            lambda: reveal_password(bytes(16), b"", AUTHENTICATOR),
        ):
            with pytest.raises(LocalFaultError, match="the shared secret is empty"):
                use_secret()


class TestDiscardReasons:
    @pytest.mark.parametrize("reason", list(DiscardReason))
    def test_each_is_explained_to_an_engineer(self, reason: DiscardReason) -> None:
        assert str(PacketDiscarded(reason)) == reason.explanation
        assert len(reason.explanation) > 20


@pytest.mark.peer("radclient")
@pytest.mark.parametrize(
    ("kind", "request_code", "reply_code"),
    [
        ("auth", Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT),
        ("acct", Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE),
        ("status", Code.STATUS_SERVER, Code.ACCESS_ACCEPT),
        ("disconnect", Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK),
        ("coa", Code.COA_REQUEST, Code.COA_ACK),
    ],
)
def test_radclient_and_the_codec_believe_each_other(
    peers: Peers, kind: str, request_code: Code, reply_code: Code
) -> None:
    radclient = peers.require("radclient")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        command = [
            str(radclient),
            "-x",
            "-r",
            "1",
            "-t",
            "5",
            f"127.0.0.1:{server.getsockname()[1]}",
            kind,
            "testing123",
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdin is not None
            client.stdin.write("User-Name = resident, Message-Authenticator = 0x00\n")
            client.stdin.close()
            datagram, address = server.recvfrom(4096)
            request = decode(datagram)
            assert request.code is request_code
            verify_request(request, SECRET)
            server.sendto(encode_reply(reply_code, request, [(18, b"Croeso")], SECRET), address)
            assert client.stdout is not None
            shown = client.stdout.read()
        assert client.returncode == 0, shown
        assert 'Reply-Message = "Croeso"' in shown
