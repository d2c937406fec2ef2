import type { Route } from './route.ts';

/** Whether the daemon can do its work; `why` is for operators and holds no stranger's words. */
export type Readiness = { readonly isReady: true } | { readonly isReady: false; readonly why: string };

/** `/healthz` says that the process lives, `/readyz` whether `readiness` thinks that it can work. */
export function healthRoutes(readiness: () => Readiness): readonly Route[] {
  return [
    { path: '/healthz', method: 'GET', handle: () => ({ status: 200, text: 'ok' }) },
    {
      path: '/readyz',
      method: 'GET',
      handle: () => {
        const now = readiness();
        return now.isReady ? { status: 200, text: 'ready' } : { status: 503, text: `not ready: ${now.why}` };
      },
    },
  ];
}
