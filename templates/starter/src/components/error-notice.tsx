import { Icon } from "./icons";

export function ErrorNotice({ error, onRetry }: { error: Error | undefined; onRetry: () => void }) {
  return (
    <div className="error-notice" role="alert">
      <Icon name="warning" />
      <p>
        <strong>The reply failed.</strong> {error?.message}
      </p>
      <button type="button" className="button" onClick={onRetry}>
        Retry
      </button>
    </div>
  );
}
