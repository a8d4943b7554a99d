import { useEffect, useRef, useSyncExternalStore, type ReactNode } from "react";
import { Icon } from "./icons";

/** A panel that slides in over the page, for screens without room for a second column. */
export function Sheet({
  label,
  open,
  onClose,
  children
}: {
  label: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);

  return (
    <dialog
      ref={dialog}
      className="sheet"
      aria-label={label}
      onClose={onClose}
      // The backdrop counts as the dialog itself; everything inside is a child.
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="sheet-content">
        <button type="button" className="icon-button sheet-close" aria-label="Close preferences" onClick={onClose}>
          <Icon name="close" />
        </button>
        {children}
      </div>
    </dialog>
  );
}

export function useMediaQuery(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches
  );
}
