/** Makes the contract as it is the one that later changes must not break. Run it with each release. */
import { join } from "node:path";
import { buf, PROTO } from "./tools.mjs";

buf(["build", PROTO, "--exclude-source-info", "-o", join(PROTO, "baseline.binpb")]);
