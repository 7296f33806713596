export { type TitanDriver, type TitanDriverOptions, titanDriver } from "./titan-driver.js";
