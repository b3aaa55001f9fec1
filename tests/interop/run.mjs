// node tests/interop/run.mjs --server PATH [--language-server PATH] [--only stdio|tcp|unix]
//
// Drives antiphon-conformance, and antiphon-json-language-server if given, with vscode-jsonrpc, the JSON-RPC of
// Visual Studio Code and its kin, over each transport. The last line is `N passed, N failed`.

import { parseArgs } from 'node:util';
import { cases, listenerCases } from './cases.mjs';
import { languageServerCases, languageServerListenerCases } from './language_server_cases.mjs';
import { Server, transports, within } from './server.mjs';

const caseSeconds = 60;
const secondsAfterExit = 10;

/** Fails with what nobody caught: a write to a server that is gone fails far from the case that made it. */
const stray = { reject() {}, next() { return new Promise((_, reject) => { this.reject = reject; }); } };
process.on('uncaughtException', (error) => stray.reject(error));

async function runCase(program, transport, test) {
  const server = await Server.start(program, transport);
  try {
    const client = await server.connect();
    const unexpectedEnd = server.exited.then((how) =>
      within(secondsAfterExit, new Promise(() => {}), `the server ended (${JSON.stringify(how)}), and the rest`));
    await Promise.race([within(caseSeconds, test(client, server), 'the case'), unexpectedEnd, stray.next()]);
    const errors = server.clients.flatMap((each) => each.errors);
    if (errors.length > 0) throw new Error(`the client complained: ${errors.join('; ')}`);
    if (server.stdout !== '') throw new Error(`on stdout, beside the protocol: ${server.stdout}`);
  } catch (error) {
    if (server.stderr) error.message += `\nthe server said: ${server.stderr}`;
    throw error;
  } finally {
    await server.stop();
  }
}

const { values: options } = parseArgs({
  options: { server: { type: 'string' }, 'language-server': { type: 'string' }, only: { type: 'string' } },
});
if (!options.server || (options.only && !transports.includes(options.only))) {
  console.error('usage: run.mjs --server PATH [--language-server PATH] [--only stdio|tcp|unix]');
  process.exit(2);
}

let passed = 0;
let failed = 0;

async function runSuite(program, transport, label, suite) {
  for (const [name, test] of Object.entries(suite)) {
    try {
      await runCase(program, transport, test);
      ++passed;
      console.log(`ok   ${label}: ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAIL ${label}: ${name}\n     ${String(error.stack).replaceAll('\n', '\n     ')}`);
    }
  }
}

const languageServer = options['language-server'];
for (const transport of transports.filter((each) => !options.only || each === options.only)) {
  const listens = transport !== 'stdio';
  await runSuite(options.server, transport, transport, { ...cases, ...(listens && listenerCases) });
  if (languageServer) {
    await runSuite(languageServer, transport, `JSON over ${transport}`,
                   { ...languageServerCases, ...(listens && languageServerListenerCases) });
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
