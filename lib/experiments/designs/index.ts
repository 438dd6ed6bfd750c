/** Defines the designs of this package, and the kinds of tasks that they plan. */
import "../tasks/index.js";
import "./testbed.js";
import "./transfer.js";
