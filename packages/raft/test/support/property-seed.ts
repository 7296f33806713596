/** Property tests run from TITAN_SEED when it is set; a failure prints the seed that it had. */

import { configureGlobal } from "fast-check";
import { testSeed } from "./seeded-random.js";

configureGlobal({ seed: testSeed() });
