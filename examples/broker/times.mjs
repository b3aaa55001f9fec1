// Reads dates: a JSON-RPC server on Node alone, with Content-Length headers as language servers have.

const methods = {
  parse: ({ text }) => {
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) throw new Error(`not a date: ${text}`);
    return { iso: date.toISOString(), weekday: date.toLocaleDateString("en", { weekday: "long", timeZone: "UTC" }) };
  },
};

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  process.stdout.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
}

function handle({ id, method, params }) {
  if (id === undefined) return;
  if (!methods[method]) return send({ id, error: { code: -32601, message: "method not found" } });
  try {
    send({ id, result: methods[method](params) });
  } catch (error) {
    send({ id, error: { code: -32000, message: error.message } });
  }
}

let received = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (;;) {
    const head = received.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = Number(/content-length: *(\d+)/i.exec(received.toString("latin1", 0, head))[1]);
    const end = head + 4 + length;
    if (received.length < end) return;
    handle(JSON.parse(received.toString("utf8", head + 4, end)));
    received = received.subarray(end);
  }
});
