/** Why a step of the set-up failed, and the one command that mends it. */
class SetupError extends Error {
  /**
   * @param {string} message - what failed, in one line
   * @param {string} [remedy] - the command that mends it; running the set-up again where none is given
   */
  constructor(message, remedy) {
    super(message);
    this.name = "SetupError";
    this.remedy = remedy;
  }
}

module.exports = { SetupError };
