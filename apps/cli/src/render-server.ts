/** How servers and clusters are, and orders that they took, as people read them. */
import type { Failure } from "./failure.js";
import { keyspacesText, membersText, shardsText } from "./render-cluster.js";
import { diagnosisText } from "./render-doctor.js";
import { renderLook } from "./render-look.js";
import { statusText } from "./render-status.js";
import type { Rendering, TextStyle } from "./rendering.js";
import type { ServerReport } from "./server-report.js";

export function renderServerReport(report: ServerReport, style: TextStyle): Rendering {
  const { colors } = style;
  switch (report.kind) {
    case "status":
      return { out: statusText(report.status, colors) };
    case "no-status":
      return { note: renderFailure(report.failure, style) };
    case "status-look":
      return renderLook(report, style, (failure) => renderFailure(failure, style));
    case "members":
      return { out: membersText(report.cluster, colors) };
    case "shards":
      return { out: shardsText(report.cluster, colors) };
    case "keyspaces":
      return { out: keyspacesText(report.keyspaces, colors) };
    case "diagnosed":
      return { out: diagnosisText(report.diagnosis, colors) };
    case "ordered":
      return { out: `${colors.green("OK:")} ${report.text}\n` };
  }
}

export function renderFailure(failure: Failure, { audience, noteColors }: TextStyle): string {
  const lead = noteColors.red(audience === "shell" ? "Error:" : "titan:");
  const advice = failure.advice === undefined ? "" : `${failure.advice}\n`;
  return `${lead} ${failure.message}\n${advice}`;
}
