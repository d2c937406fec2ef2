import type { ChallengePresenter, Presentation } from './presenter.ts';

/**
 * Shows each challenge in several places at once: one machine listens itself and serves a web root, too.
 * Where one of them fails the challenge is shown nowhere.
 */
export function presentEverywhere(presenters: readonly ChallengePresenter[]): ChallengePresenter {
  return {
    present: async (challenge, signal) => {
      const shown: Presentation[] = [];
      try {
        for (const presenter of presenters) shown.push(await presenter.present(challenge, signal));
      } catch (thrown) {
        await Promise.all(shown.map((presentation) => presentation.remove()));
        throw thrown;
      }
      return {
        becomeVisible: async (visibleSignal) => {
          await Promise.all(shown.map((presentation) => presentation.becomeVisible(visibleSignal)));
        },
        remove: async () => {
          await Promise.all(shown.map((presentation) => presentation.remove()));
        },
      };
    },
    withdraw: async (challenge) => {
      await Promise.all(presenters.map((presenter) => presenter.withdraw?.(challenge)));
    },
  };
}
