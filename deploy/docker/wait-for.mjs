/**
 * `node wait-for.mjs HOST:PORT[,HOST:PORT…] [SECONDS]`: ends well once one of the addresses takes a connection, with
 * exit code 1 when none does in time, with 2 when it is called wrongly.
 */
import { connect } from "node:net";

const TRY_MS = 1000;
const PAUSE_MS = 250;

const [list = "", seconds = "60"] = process.argv.slice(2);
const addresses = list.split(",").map((address) => /^(.+):(\d{1,5})$/.exec(address.trim()));
const waitMs = Number(seconds) * 1000;
if (addresses.includes(null) || !(waitMs >= 0)) {
  console.error(`wait-for: expected HOST:PORT[,HOST:PORT] [SECONDS], not "${list}" "${seconds}"`);
  process.exit(2);
}

function takesConnections([, host, port]) {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: TRY_MS });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    for (const event of ["timeout", "error"]) socket.once(event, () => end(false));
  });
}

const endMs = performance.now() + waitMs;
for (;;) {
  const answers = await Promise.all(addresses.map(takesConnections));
  if (answers.includes(true)) process.exit(0);
  if (performance.now() >= endMs) break;
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
console.error(`wait-for: none of ${list} took a connection within ${seconds} s`);
process.exit(1);
