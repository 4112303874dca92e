//! A subject that a node's table has dropped, and that is asked for again.

use tidegate_core::Algorithm;
use tidegate_store::{Request, Store};
use tokio::time::sleep;

use crate::support::{World, ms, rules, secs};

#[tokio::test(start_paused = true)]
async fn g2_what_a_node_admitted_before_it_forgot_a_bucket_does_not_hide_what_it_admits_afterwards()
{
    let mut world = World::new(2);
    let rules = rules(100, secs(4), Algorithm::TokenBucket);
    sleep(secs(2)).await;
    for _ in 0..600 {
        world.ask(0, &rules).await;
        sleep(ms(10)).await;
    }
    // The other one is asked now and then, and the table of the first needs the room.
    for number in 0..30_000 {
        if number % 250 == 0 {
            world.ask(1, &rules).await;
            sleep(ms(100)).await;
        }
        let name = format!("other-{number}");
        let request = Request::new(name.as_bytes(), &rules);
        let _ = world.nodes[0].store.acquire(&request).await.unwrap();
    }
    world.ask(1, &rules).await;
    sleep(ms(100)).await;
    assert!(world.nodes[0].store.stats().evicted > 0);
    let mut admitted = 0;
    for _ in 0..200 {
        for node in [0, 1] {
            admitted += u32::from(world.ask(node, &rules).await);
        }
        sleep(ms(5)).await;
    }
    // The burst, what flows in meanwhile, and the slack of the other one.
    assert!((100..=130).contains(&admitted), "{admitted}");
}
