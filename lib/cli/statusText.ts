import type { Experiment, ExperimentStatus } from "../experiments/index.js";
import { duration } from "../plot/numbers.js";

/** What is done of an experiment, for people. */
export function statusText(experiment: Experiment, status: ExperimentStatus): string {
  const { name, title, registration, hash } = experiment;
  const lines = [
    `${name}: ${title}`,
    `${registration}, ${hash.slice(0, 12)}`,
    `${status.done} of ${status.total} tasks done, ${status.failed} set aside, ${status.left} left`,
    ...status.kinds.map(({ kind, total, done, failed, seconds }) => {
      const left = total - done - failed;
      const each = seconds === undefined ? "" : `, ${Number(seconds.toPrecision(2))} s each`;
      const time = seconds === undefined || left === 0 ? each : `${each}, ${duration(seconds * left)} of work left`;
      return `  ${kind}: ${done} of ${total}${failed ? `, ${failed} set aside` : ""}${time}`;
    }),
  ];
  for (const { id, kind, error } of status.failures.slice(0, 10))
    lines.push(`  set aside: ${kind} ${id.slice(0, 12)}: ${error}`);
  if (status.failures.length > 10) lines.push(`  and ${status.failures.length - 10} more`);
  if (status.failed > 0) lines.push("  twotemp run --retry tries them again");
  if (status.others > 0)
    lines.push(`${status.others} more records are of other code, another engine or an earlier plan`);
  if (status.otherRegistration > 0) {
    lines.push(`${status.otherRegistration} records were made when the experiment's file was another one`);
  }
  if (status.untrusted > 0) lines.push(`${status.untrusted} records are torn or were edited: they will be done again`);
  return lines.join("\n");
}
