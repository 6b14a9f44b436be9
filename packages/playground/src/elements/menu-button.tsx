import { type CSSProperties, type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react';
import './menu-button.css';

export interface MenuItem {
  readonly id: string;
  readonly name: string;
}

interface MenuButtonProps {
  /** What the button is called. */
  readonly name: string;
  /** What is seen of it; default: its name. */
  readonly children?: ReactNode;
  readonly items: readonly MenuItem[];
  readonly className?: string;
  readonly isDisabled?: boolean;
  onChoose(id: string): void;
}

/** A button with a short list of things to do. The list lies over everything, so no scrolled area cuts it off. */
export function MenuButton(props: MenuButtonProps): ReactNode {
  const { name, children = name, items, className, isDisabled = false, onChoose } = props;
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const [place, setPlace] = useState<CSSProperties>({});

  const options = (): HTMLElement[] => [
    ...(menu.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? []),
  ];
  const placeMenu = (): void => {
    if (button.current === null) return;
    const { left, right, top, bottom } = button.current.getBoundingClientRect();
    const { innerWidth, innerHeight } = window;
    setPlace({
      ...(left > innerWidth / 2 ? { right: innerWidth - right } : { left }),
      ...(top > innerHeight / 2 ? { bottom: innerHeight - top + 4 } : { top: bottom + 4 }),
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = options();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Tab') menu.current?.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        disabled={isDisabled}
        aria-label={name}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        popoverTarget={id}
      >
        {children}
      </button>
      <div
        ref={menu}
        id={id}
        className="menu"
        role="menu"
        aria-label={name}
        popover="auto"
        style={place}
        onBeforeToggle={placeMenu}
        onToggle={({ newState }) => {
          setIsOpen(newState === 'open');
          if (newState === 'open') options()[0]?.focus();
        }}
        onKeyDown={onKeyDown}
      >
        {items.map((item) => (
          <button
            key={item.id}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              menu.current?.hidePopover();
              onChoose(item.id);
            }}
          >
            {item.name}
          </button>
        ))}
      </div>
    </>
  );
}
