import { type UpdateName, updates } from "../../lib/relaxation/index.js";
import type { Update } from "../../lib/relaxation/updates/update.js";

/** Does something with an update of the library's own replaced by a faulty one. */
export async function withFault(name: UpdateName, faulty: Update, work: () => Promise<void>): Promise<void> {
  const table = updates as Record<UpdateName, Update>;
  const right = table[name];
  table[name] = faulty;
  try {
    await work();
  } finally {
    table[name] = right;
  }
}
