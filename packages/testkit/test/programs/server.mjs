/** A server that listens at once, or ends with the code that it is given. */
import { createServer } from "node:http";

const [code] = process.argv.slice(2);
if (code !== undefined) {
  process.stdout.write("going away\n");
  process.exit(Number(code));
}
let count = 0;
const server = createServer((_, response) => {
  count += 1;
  response.end(String(count));
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write("up\n");
  process.send({ type: "listening", address: `127.0.0.1:${server.address().port}` });
});
process.on("SIGTERM", () => {
  process.stderr.write("down\n");
  process.exit(0);
});
