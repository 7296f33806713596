/** Structured logs: JSON lines by pino, or the same lines for a terminal. Keys and values are never logged. */
import pino from "pino";

/** What the server asks of a logger; pino's loggers are such. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** From most to least; `"silent"` logs nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** How a log line looks. */
export type LogFormat = "json" | "pretty";

/** Takes finished log lines. */
export interface LogSink {
  write(line: string): unknown;
}

const NOTHING = () => undefined;

/** A logger that drops everything. */
export const silentLogger: Logger = {
  debug: NOTHING,
  info: NOTHING,
  warn: NOTHING,
  error: NOTHING,
};

/** A logger that writes lines of `format` at `level` and above to `sink`. */
export function createLogger(
  options: { readonly level: LogLevel; readonly format: LogFormat },
  sink: LogSink,
): Logger {
  const destination =
    options.format === "json" ? sink : { write: (line: string) => sink.write(toPretty(line)) };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    destination,
  );
}

/** `12:30:01.250 info  message field=value …`, with the stack of an error below. */
function toPretty(line: string): string {
  const { level, time, msg, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  const below = typeof stack === "string" ? `\n  ${stack.replaceAll("\n", "\n  ")}` : "";
  return `${clock} ${String(level).padEnd(5)} ${String(msg)}${rest.join("")}${below}\n`;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
