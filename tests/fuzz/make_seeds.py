#!/usr/bin/env python3
"""Writes the seeds that are made by hand: corpus/TARGET/seed-NAME. What fuzzers found lies beside them."""

from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
BLOCK = 64  # bytes that the scanner takes at a time

REQUEST = (b'{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///a.cpp"},'
           b'"position":{"line":3,"character":14}}}')
DID_CHANGE = (b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a.cpp",'
              b'"version":7},"contentChanges":[{"range":{"start":{"line":0,"character":0},"end":{"line":1,"character"'
              b':0}},"text":"#include <map>\\n\\tint main() { return \\"\\\\\\\\\\"; }\\r\\n\\u00e9 \xf0\x9f\x98\x80"}]}}')
RESPONSE = b'{"jsonrpc":"2.0","id":"a-1","result":{"contents":"**int** x","range":null}}'
ERROR = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error","data":[1.5e3,true]}}'
BATCH = b'[' + RESPONSE + b' , {"jsonrpc":"2.0","method":"$/progress","params":[1,-2,0.5e-7]},\n3]'


def at_edge(middle, before=1):
    """A string in an array with `middle` about the first edge between two blocks, `before` bytes on its left."""
    return b'["' + b"x" * (BLOCK - 2 - before) + middle + b'y",1]'


JSON = {
    "request": REQUEST,
    "did-change": DID_CHANGE,
    "response": RESPONSE,
    "error": ERROR,
    "batch": BATCH,
    "members-twice": b'{"id":1,"id":[2],"method":"a","m\\u0065thod":"b","params":{},"jsonrpc":"1","jsonrpc":"2.0","id":3}',
    "blanks": b" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : [ ] }\r\n" + b" " * BLOCK,
    "numbers": b"[0,-0,1.5,-1e5,1E+20,4.9e-324,1.7976931348623157e308,9007199254740993,-9223372036854775808,"
               b"18446744073709551615,123456789012345678901234567890,0e400]",
    "number-too-large": b"[1e400]",
    "number-rounds-to-largest": b"[ 1.7976931348623158e308\n,6]",
    "number-near-the-end": b"[0,-9223372036850.5415,-9223372036850.5415,0e400]",
    "infinity-twice": b'{"a":1e400,"a":1}',
    "exponent-too-small": b"1e-99999999999",
    "words": b"[true,false,null,truE]",
    "escapes": b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
    "lone-surrogate": b'["\\ud800"]',
    "utf8": "\"\u00e9\u20ac\U0001f600\u07ff\u0800\uffff\U00010000\U0010ffff\"".encode(),
    "utf8-overlong": b'"\xc0\x80\xe0\x80\x80"',
    "utf8-surrogate": b'"\xed\xa0\x80"',
    "control-character": b'["a\x1f"]',
    "not-closed": b'{"a":[{"b":"c',
    "deep": b"[" * 40 + b"]" * 40,
    "deep-objects": b'{"a":' * 20 + b"1" + b"}" * 20,
    "deepest": b"[" * 1024 + b"]" * 1024,
    "too-deep": b"[" * 1025 + b"]" * 1025,
    "digits-over-edge": b"[" + b"1," * 30 + b"12345678901234567890]",
    "number-over-edge": b"[" + b" " * 58 + b"-12.5e-3,7]",
    "word-over-edge": b"[" + b" " * 61 + b"false]",
    "escaped-quote-in-number-at-edge": b"[" + b" " * 59 + b'1\\"2]',
    "integers": b"[" + b",".join(b"%d" % (i * i) for i in range(70)) + b"]",
    "quote-at-edge": at_edge(b'","'),
    "escaped-quote-at-edge": at_edge(b'\\"'),
    "unicode-escape-at-edge": at_edge(b"\\u00e9", 3),
    "pair-at-edge": at_edge(b"\\ud83d\\ude00", 6),
    "pair-behind-edge": at_edge(b"\\ud83d\\ude00", 7),
    "two-bytes-at-edge": at_edge("\u00e9".encode()),
    "three-bytes-at-edge": at_edge("\u20ac".encode(), 2),
    "four-bytes-at-edge": at_edge("\U0001f600".encode(), 3),
    "cut-utf8-at-edge": at_edge(b"\xf0\x9f\x98", 3),
}
for length in (1, 2, 3, 63, 64, 65, 128):
    JSON[f"backslashes-{length}"] = at_edge(b"\\" * length, 1)

# See framing.hpp for the bytes in front: limits, number of read sizes, read sizes.
def headed(body, end=b"\r\n"):
    return b"Content-Length: %d" % len(body) + end + end + body


HEADERS = headed(REQUEST) + headed(RESPONSE)
CONTENT_LENGTH = {
    "plain": b"00" + HEADERS,
    "in-threes": b"01\x02" + HEADERS,
    "bare-lf": b"02\x3f\x01" + headed(RESPONSE, b"\n"),
    "more": b"00Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nX-Y:  z\r\nCONTENT-LENGTH: 2\r\n\r\n{}",
    "conflict": b"00Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "charset": b"00Content-Type: a/b; charset=latin1\r\nContent-Length: 2\r\n\r\n{}",
    "no-length": b"00X: y\r\n\r\n{}",
    "huge": b"00Content-Length: 18446744073709551616\r\n\r\n",
    "stray-cr": b"00X: 1\rContent-Length: 5\r\n\r\n{}",
    "cut": b"00Content-Length: 5\r\n\r\n1234",
    "empty-body": b"00" + headed(b"") + headed(b"{}"),
    "narrow": b"10" + headed(b"[1,2,3,4,5]") + headed(b"0" * 25),
    "too-long": b"11\x0aX-Name: 0123456789012345678901234567890123456789\r\n\r\n",
    "http": b"00POST / HTTP/1.1\r\nHost: x\r\n\r\n{}",
}
LINES = {
    "plain": b"00" + REQUEST + b"\n" + RESPONSE + b"\r\n \r\n\n" + b"{}\n",
    "in-blocks": b"01\x3f" + DID_CHANGE + b"\n" + ERROR + b"\n",
    "http": b"00GET / HTTP/1.1\r\n\r\n",
    "narrow": b"10[1,2,3]\n" + b"0" * 25 + b"\n",
    "cut": b"00{}\n{\"a\":",
}
TEXTS = {
    "plain": b"00" + REQUEST + RESPONSE + b" " + BATCH,
    "in-blocks": b"01\x3f" + DID_CHANGE + ERROR,
    "scalars": b"011" + b'1 2.5e3\ntrue false"x"null{}4[]5',
    "http": b"00{} OPTIONS * HTTP/1.1\r\n\r\n",
    "nonsense": b"00{} OPTION",
    "narrow": b"10[1,2,3]" + b"[" * 30,
    "cut": b'00[{"a\\',
    "backslashes": b"00" + at_edge(b'\\\\\\"') + at_edge(b"\\\\", 2) + b"{}",
    "backslash-outside": b'00[\\"]"] {}',
    "wrong-brackets": b"00[}]{]} 1",
}

EVERYTHING = (b'{"b":true,"i":-128,"u":18446744073709551615,"d":-0.1,"f":3.4e38,"s":"\\u00e9\\n","o":null,"v":[true,false],'
              b'"a":[1,-2],"p":["x",255],"t":[1,"y",null],"m":{"k":[1.5,2]},"h":{"l":{"line":1,"character":2,"uri":"u",'
              b'"open":true}},"c":"green","e":4,"n":{"name":"n","value":[{"name":"","value":null}],"children":[]},'
              b'"j":{"a":[1,1.0,-0,"s",{}]}}')
VALUES = {
    "everything": EVERYTHING,
    "anything": b'{"c":[1,2],"t":[3,"z",true],"unknown":[{"a":"}"}],"v":[],"c":{"line":1,"character":2},"b":false}',
    "node": b'{"name":"a","value":7,"children":[{"name":"b","value":"s"},{"name":"c","value":[]}]}',
    "nodes": b'[{"name":"","value":true},{"value":null,"name":"\\\\"}]',
    "map": b'{"a":null,"b":{"line":-1,"character":4294967295,"uri":""},"a":{"uri":"x","line":0,"character":0}}',
    "tuple": b'["plain",2.5]',
    "tuple-with-escape": b'["\\n",2.5]',
    "vectors": b"[[],[1,2],[-3]]",
    "colour": b'"red"',
    "real": b"1e-7",
    "celsius": b'{"degrees":21}',
    "no-celsius": b'{"degrees":"warm"}',
    "undecoded": b'{"r":{"a":[1,\n2]},"rs":[1,"x",[],{"y":null}]}',
    "missing-member": b'{"line":1}',
    "out-of-range": b'{"i":128}',
    "too-short": b'{"a":[1]}',
    "pointer": b'{"h":{"a/b~c":{"line":"no"}}}',
    "deep-node": b'{"name":"","value":[' * 30 + b"]}" * 30,
    "name-with-escape": b'{"l\\u0069ne":1,"character":2}',
}


# See fuzz_endpoint.cpp for the bytes in front: two of options, number of read sizes, read sizes.
ADD = b'{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}'
BACK = b'{"jsonrpc":"2.0","id":2,"method":"back","params":{"n":1}}'
SLOW = b'{"jsonrpc":"2.0","id":"s","method":"slow","params":[20]}'
CANCEL = b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"s"}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":2}'
NOTE = b'{"jsonrpc":"2.0","method":"note","params":[3]}'
TURN = b'{"jsonrpc":"2.0","id":5,"method":"in_turn","params":[7]}'
NEWEST = b'{"jsonrpc":"2.0","id":%d,"method":"newest","params":["k"]}'
OTHERS = [b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}' % each for each in (
    (10, b"repeat", b'["\\u00e9"]'), (11, b"json", b'[{"a":[1e5,null]}]'), (12, b"fail", b"[-5]"), (13, b"throw", b"[]"),
    (14, b"at_once", b"[3]"), (15, b"tell", b'["x"]'), (16, b"$/statistics", b"{}"), (17, b"nobody", b"[]"))]


def bracketed(*members):
    return b"[" + b",".join(members) + b"]"


CALLS = [ADD, BACK, SLOW, CANCEL, ANSWER, NOTE, TURN, NEWEST % 6, NEWEST % 7, bracketed(ADD, SLOW, NOTE, b"3"), *OTHERS]
MANY = [b'{"jsonrpc":"2.0","id":%d,"method":"slow","params":[9]}' % i for i in range(12)]


def spoken(style, messages):
    """Messages in the framing of that number."""
    if style == 0:
        return b"".join(map(headed, messages))
    return (b"\n" if style == 1 else b"").join([*messages, b""])


STYLES = ("headers", "lines", "texts")
SERVED = {}
for style, name in enumerate(STYLES):
    # '0' to '2' are the framings; further bits of the two bytes are what `setup` in fuzz_endpoint.cpp reads.
    def way(bits):
        return next(c for c in range(256) if c & 0xf8 == bits and c % 3 == style)
    plain = bytes([way(0), 0])
    SERVED[f"{name}-calls"] = plain + b"0" + spoken(style, CALLS)
    SERVED[f"{name}-in-pieces"] = bytes([way(0), 1]) + b"2\x06\x30" + spoken(style, CALLS)
    SERVED[f"{name}-narrow"] = bytes([way(8), 2]) + b"0" + spoken(style, [*CALLS, ADD + b" " * 300])
    SERVED[f"{name}-many"] = bytes([way(48), 3]) + b"0" + spoken(style, MANY)
    SERVED[f"{name}-many-wait"] = bytes([way(96), 4]) + b"0" + spoken(style, MANY + CALLS)
    SERVED[f"{name}-drips"] = bytes([way(0), 8]) + b"1\x1f" + spoken(style, CALLS)
    SERVED[f"{name}-too-slow"] = bytes([way(0), 8]) + b"1\x02" + spoken(style, [ADD])
    SERVED[f"{name}-breaks"] = bytes([way(0), 0x71]) + b"0" + spoken(style, CALLS)
    SERVED[f"{name}-malformed"] = plain + b"0" + spoken(style, [b"[1,,2]", b"[]", b"[1,[2]]", b"3", ADD])
    SERVED[f"{name}-cut"] = plain + b"0" + spoken(style, CALLS)[:-7]
SERVED["headers-broken"] = b"\x00\x000" + headed(ADD) + b"X\r\n\r\n" + headed(ADD)

CONFIGS = {
    "least": b'{"targets":{}}',
    "target": b'{"targets":{"a":{"command":["x","-y"],"directory":"/x","env":{"A":"b"},"stderr":"discard","framing":"line",'
              b'"restart":{"when":"always","first_delay_ms":1,"factor":1.5,"max_delay_ms":9,"well_after_ms":3,"max_restarts":2,'
              b'"window_ms":4},"health":{"method":"h","interval_ms":5,"timeout_ms":6},"stop":{"end_of_input_ms":1,'
              b'"terminate_ms":2},"max_in_flight":3,"max_queued":4,"max_queued_bytes":5,"overload":"wait",'
              b'"queue_while_starting":true}}}',
    "relay": b'{\n "listen": [{"at":"unix:/x"},{"at":"tcp:[::1]:80","framing":"sequence","max_connections":2},\n{"at":"stdio"}],\n'
             b'"routing":{"prefix_separator":".","strip_prefix":false,"target_member":"t","otherwise":"a"},'
             b'"targets":{"a":{"command":["x"]}},"topics":{"max_queued":1,"max_queued_bytes":2,"when_full":"block",'
             b'"subscribe":"s","unsubscribe":"u","publish":"p","event":"e"},"statistics_method":"","drain_ms":0,'
             b'"check":"envelope"}',
    "wrong-word": b'{"targets":{"a":{"command":["x"],"framing":"lines"}}}',
    "wrong-name": b'{"targets":{"a/~b: c":{"command":["x"],\n"frames":1}}}',
    "twice": b'{"targets":{"a":1,\n"a":2}}',
    "no-target": b'{"routing":{"otherwise":"b"},"targets":{"a":{"command":["x"]}}}',
    "nul": b'{"targets":{"a":{"command":["x\\u0000y"]}}}',
    "no-json": b'{"targets":\n{"a" 1}}',
}

def write(target, seeds):
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("seed-*"):
        old.unlink()
    for name, content in seeds.items():
        (directory / f"seed-{name}").write_bytes(content)


def main():
    write("validate", JSON)
    write("scanner", {name: bytes([7 * i % 256, 5 * i % 256]) + text for i, (name, text) in enumerate(JSON.items())})
    write("message_view", JSON)
    write("content_length", CONTENT_LENGTH)
    write("line", LINES)
    write("sequence", TEXTS)
    write("decode", {**JSON, **VALUES})
    write("endpoint", SERVED)
    write("relay_config", CONFIGS)


if __name__ == "__main__":
    main()
