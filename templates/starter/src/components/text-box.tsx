import { useLayoutEffect, type ComponentProps, type KeyboardEvent, type RefObject } from "react";

type TextBoxProps = Omit<ComponentProps<"textarea">, "ref" | "value" | "onChange" | "onSubmit" | "onKeyDown"> & {
  ref: RefObject<HTMLTextAreaElement | null>;
  value: string;
  onChange: (text: string) => void;
  onSubmit: () => void;
  onCancel?: () => void;
};

/** A field that is as high as its text, up to the limit that the style sheet sets. Enter submits it, Escape cancels. */
export function TextBox({ ref, value, onChange, onSubmit, onCancel, ...rest }: TextBoxProps) {
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [ref, value]);

  const onKeyDown = (event: KeyboardEvent) => {
    // These keys also end the suggestion of an input method.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape" && onCancel) onCancel();
    else if (event.key === "Enter" && !event.shiftKey) onSubmit();
    else return;
    event.preventDefault();
  };

  return (
    <textarea
      {...rest}
      ref={ref}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={onKeyDown}
    />
  );
}
